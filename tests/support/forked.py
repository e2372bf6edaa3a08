"""A command line in a process of its own that has its imports already.

They take a slow core two seconds a start, and ten where torch is among them. multiprocessing's fork server makes them
once; each command is a fork of it, with arguments, environment, folder and outputs of its own, and is killed as any
process is.
"""

from __future__ import annotations

import atexit
import importlib
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from tempfile import TemporaryDirectory

_DATA = ["aiohttp.web", "anthropic", "datasets", "jinja2", "openai.types", "pandas", "polars", "pyarrow.parquet"]
_DATA += [f"rlkd_data.{name}" for name in ("cli", "collect.run", "decompose.run", "chat.batch.client", "report.build")]
_TRAIN = ["torch", "transformers.generation", "peft", "trl.trainer.grpo_trainer", "trl.trainer.sft_trainer"]
_TRAIN += [f"rlkd_train.{name}" for name in ("cli", "grpo.run", "sft.train", "evaluate.run", "reward.scorer")]
_WHOLE_SUITE = "PYTEST_XDIST_WORKER" in os.environ
_READ_AT_IMPORT = ("HF_", "HUGGINGFACE_", "LD_", "OMP_", "PYTHON", "TRANSFORMERS_")

_processes = multiprocessing.get_context("forkserver")
# A single test need not wait for torch, which its command may never import.
_processes.set_forkserver_preload([*_DATA, *(_TRAIN if _WHOLE_SUITE else [])])


@cache
def _end_at_exit() -> None:
    """End what a test that failed left running; else Python would wait for it. Not in the processes themselves, whose
    own children are the commands' affair."""
    atexit.register(lambda: [process.kill() for process in multiprocessing.active_children()])


def forked(target: Callable[..., None], *arguments: object) -> ForkServerProcess:
    """A process that calls `target`, which a module must name."""
    _end_at_exit()
    process = _processes.Process(target=target, args=arguments, daemon=False)
    process.start()
    return process


def needs_a_fresh_one(environment: Mapping[str, str]) -> bool:
    """Whether it says something that a library reads as it is imported, other than this process's environment does."""
    both = environment.keys() | os.environ.keys()
    return any(name.startswith(_READ_AT_IMPORT) and environment.get(name) != os.environ.get(name) for name in both)


class Forked:
    """As `subprocess.Popen` in what the tests use of it. What it prints goes to files of its own, and is text."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        first: Callable[[], None] | None = None,
    ) -> None:
        """`command`: what runs (rlkd-data, rlkd-train, the path of a script, or a module) and its arguments. `first` is
        called in the process before it."""
        self._home = TemporaryDirectory()
        self._process = forked(_run, list(command), dict(environment), str(folder), self._home.name, first)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("rlkd", timeout or 0)
        return self._process.exitcode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        self.wait(timeout)
        return self.printed("out"), self.printed("err")

    def printed(self, stream: str) -> str:
        """What it has printed so far; `stream` is out or err."""
        place = Path(self._home.name, stream)
        return place.read_text("utf-8") if place.exists() else ""

    def first_line(self) -> str:
        """Of what it prints, once it is there; "" where it ended before."""
        while "\n" not in self.printed("out") and self.poll() is None:
            time.sleep(0.01)
        return self.printed("out").partition("\n")[0]

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _run(
    command: list[str], environment: dict[str, str], folder: str, home: str, first: Callable[[], None] | None
) -> None:
    threading.Thread(target=_end_with_the_tests, daemon=True).start()
    for stream, number in (("out", 1), ("err", 2)):
        with Path(home, stream).open("wb") as file:
            os.dup2(file.fileno(), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = command
    if first is not None:
        first()
    try:
        _main(command[0])
    finally:
        atexit._run_exitfuncs()  # which multiprocessing leaves out


def _end_with_the_tests() -> None:
    tests = multiprocessing.parent_process()
    assert tests is not None
    tests.join()
    os.kill(os.getpid(), signal.SIGKILL)


def _main(name: str) -> None:
    if name in ("rlkd-data", "rlkd-train"):
        importlib.import_module(f"{name.replace('-', '_')}.cli").main()
    elif name.endswith(".py"):
        runpy.run_path(name, run_name="__main__")
    else:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
