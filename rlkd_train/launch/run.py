"""`rlkd-train launch`: a training stage in several processes of this machine.

They are started here, and not by torchrun: it ends with its own status and a table of tracebacks whatever a process
said, while a run's one line and status (2: the user's input, 3: a budget, 130: ^C) are part of our contract. What
`accelerate launch` would put into their environment is asked of accelerate itself.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from rlkd_data.errors import InputError
from rlkd_data.run.resources import resource
from rlkd_train.launch.follow import LAUNCHER

CONFIGS = "pipelines", "accelerate"
_POLL, _GRACE, _KILL = 0.1, 10.0, 20.0
"""Seconds: between two looks; for the others to end by themselves once one has failed; from SIGTERM to SIGKILL."""


class Process(Protocol):
    """What is needed of `subprocess.Popen`."""

    def poll(self) -> int | None: ...
    def send_signal(self, number: int) -> None: ...


def launch(arguments: Sequence[str], count: int, kind: str) -> int:
    """Run `rlkd-train` with `arguments` in `count` processes; the exit status of the run. Raises InputError where this
    machine cannot."""
    more = accelerate_environment(kind, count)
    check_cards(count)
    own = {LAUNCHER: str(os.getpid())}
    return run_processes([sys.executable, "-m", "rlkd_train", *arguments], count, more | own)


def accelerate_environment(kind: str, count: int) -> dict[str, str]:
    """What `accelerate launch` with the shipped configuration `kind` tells its processes. Raises InputError for a kind
    that is not there, or that this machine cannot do."""
    path = configuration(kind)
    if kind == "ddp":
        return {}  # what accelerate does where it is told nothing
    import torch
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils import is_deepspeed_available
    from accelerate.utils.launch import prepare_deepspeed_cmd_env, prepare_multi_gpu_env

    if kind == "zero3" and not (torch.cuda.is_available() and is_deepspeed_available()):
        raise InputError("--accelerate zero3 needs CUDA, and DeepSpeed: pip install deepspeed; fsdp2 does without it")
    arguments = launch_command_parser().parse_args(
        ["--config_file", str(path), "--num_processes", str(count), "rlkd_train"]
    )
    chosen, _, _ = _validate_launch_command(arguments)
    found = prepare_deepspeed_cmd_env(chosen)[1] if kind == "zero3" else prepare_multi_gpu_env(chosen)
    own: dict[str, str] = {name: str(value) for name, value in found.items() if os.environ.get(name) != str(value)}
    if not torch.cuda.is_available():
        own["ACCELERATE_USE_CPU"] = "true"
    return own


def configuration(kind: str) -> Path:
    """The shipped file that says how processes share a model. Raises InputError for a kind that is not there."""
    folder = resource(*CONFIGS)
    path = folder / f"{kind}.yaml"
    if not path.is_file():
        raise InputError(f"--accelerate {kind}: there are {', '.join(sorted(p.stem for p in folder.glob('*.yaml')))}")
    return Path(str(path))


def check_cards(count: int) -> None:
    """Raises InputError where there are fewer cards than processes."""
    import torch

    if torch.cuda.is_available() and torch.cuda.device_count() < count:
        raise InputError(f"--processes {count}: this machine has {torch.cuda.device_count()} cards, one for a process")


def popen(command: Sequence[str], environment: Mapping[str, str]) -> Process:
    return subprocess.Popen(command, env=dict(environment), start_new_session=True)


def run_processes(
    command: Sequence[str],
    count: int,
    more: Mapping[str, str],
    begin: Callable[[Sequence[str], Mapping[str, str]], Process] = popen,
) -> int:
    """Run `command` as `count` processes that find each other; the exit status of the run. One that fails ends all.
    SIGINT and SIGTERM are handed on."""
    shared = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS") or str(max(1, (os.cpu_count() or 1) // count)),
    }
    started: list[Process] = []
    before = {number: signal.signal(number, _to_all(started)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number in range(count):
            own = {"RANK": str(number), "LOCAL_RANK": str(number)}
            started.append(begin(command, os.environ | dict(more) | shared | own))
        return _status(started)
    finally:
        _end(started)
        for number, handler in before.items():
            signal.signal(number, handler)


def _status(started: Sequence[Process]) -> int:
    """The first process' status where it has failed, or that of the first which did."""
    while True:
        codes = [process.poll() for process in started]
        failed = [number for number, code in enumerate(codes) if code]
        if failed:
            until = time.monotonic() + _GRACE
            while started[0].poll() is None and time.monotonic() < until:
                time.sleep(_POLL)
            code = codes[failed[0]] or 0
            number = 0 if code > 0 and started[0].poll() else failed[0]
            code = started[number].poll() or code
            if code < 0:
                why = " (for want of memory?)" if code == -signal.SIGKILL else ""
                print(
                    f"error: process {number} of {len(started)} was ended by {signal.Signals(-code).name}{why}, so all "
                    "were; the same command goes on from the last checkpoint",
                    file=sys.stderr,
                )
                return 128 - code
            return code
        if None not in codes:
            return 0
        time.sleep(_POLL)


def _end(started: Sequence[Process]) -> None:
    """End what still runs."""
    for number, seconds in ((signal.SIGTERM, _KILL), (signal.SIGKILL, _KILL)):
        left = [process for process in started if process.poll() is None]
        for process in left:
            with suppress(ProcessLookupError):
                process.send_signal(number)
        until = time.monotonic() + seconds
        while any(process.poll() is None for process in left) and time.monotonic() < until:
            time.sleep(_POLL)


def _to_all(started: Sequence[Process]) -> Callable[[int, Any], None]:
    def hand_on(number: int, frame: Any) -> None:
        for process in started:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    process.send_signal(number)

    return hand_on


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
