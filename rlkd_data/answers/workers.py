"""Processes that grade, each answering one line at a time, killed where one takes too long.

They are programs of their own: `multiprocessing` would run the caller's main script again in each, which loads a
script's models once more for every process. What they are asked and answer is JSON.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any

from rlkd_data.answers.grading import READY
from rlkd_data.errors import RlkdError

_TASKS = 2000
"""Answers after which a worker is replaced: sympy's caches only grow."""
_STARTS = 3
"""Times in a row that a worker may fail to start before the run stops."""
_START_SECONDS = 300
"""Seconds within which a worker is ready, on a machine that is busy."""
_SHOWN = 300


class TooLong(Exception):
    """A worker was killed at the time limit."""


class Crashed(Exception):
    """A worker ended while it was at work."""


class _Worker:
    def __init__(self, grader: str, seconds: float) -> None:
        self.tasks, self.seconds = 0, seconds
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "rlkd_data.answers.grading"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # ^C is the caller's, who closes its workers
            env=_environment(),
        )
        self._started = json.dumps({"grader": grader, "seconds": seconds, "path": sys.path})

    def start(self) -> str | None:
        """Wait until it is ready; the reason where it is not."""
        try:
            said = self._exchange(self._started, _START_SECONDS)
        except TooLong:
            return f"not ready within {_START_SECONDS} s"
        except Crashed:
            return self._last_words()
        return None if said.strip() == READY else said.strip()[:_SHOWN]

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, fields: dict[str, Any]) -> dict[str, Any]:
        self.tasks += 1
        found: dict[str, Any] = json.loads(self._exchange(json.dumps(fields), self.seconds))
        return found

    def _exchange(self, line: str, seconds: float) -> str:
        """Raises TooLong or Crashed; the process is gone then."""
        late = threading.Event()

        def end() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            assert self._process.stdin is not None and self._process.stdout is not None
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            said = self._process.stdout.readline()
        except OSError:
            said = ""
        finally:
            timer.cancel()
        if said.endswith("\n"):
            return said
        self.kill()
        raise TooLong if late.is_set() else Crashed

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:_SHOWN] if lines else f"exit status {self._process.wait()}"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                _close(pipe)


def _close(pipe: IO[str]) -> None:
    with contextlib.suppress(OSError):
        pipe.close()


def _environment() -> dict[str, str]:
    import os

    return {
        **os.environ,
        "PYTHONIOENCODING": "utf-8",
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
    }


class Workers:
    """At most `count` processes, started as they are needed. `grader` is `module:name` of a function from a Job to a
    Verdict; `seconds` is the clock's limit for one answer."""

    def __init__(self, count: int, grader: str, seconds: float) -> None:
        self._grader, self._seconds = grader, seconds
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="answers")
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._failed_starts = 0
        self._closed = False

    def submit(self, fields: dict[str, Any]) -> Future[dict[str, Any]]:
        """The reply to come; its exception is TooLong, Crashed, or RlkdError where no worker can be started."""
        return self._threads.submit(self._ask, fields)

    def _ask(self, fields: dict[str, Any]) -> dict[str, Any]:
        worker = self._take()
        try:
            found = worker.ask(fields)
        except (TooLong, Crashed):
            with self._lock:
                self._all.discard(worker)
            raise
        if worker.tasks >= _TASKS:
            self._drop(worker)
        else:
            with self._lock:
                self._idle.append(worker)
        return found

    def _take(self) -> _Worker:
        while True:
            with self._lock:
                if self._closed:
                    raise Crashed
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                worker = self._start()
                if worker is not None:
                    return worker
            elif worker.alive:
                return worker
            else:  # killed while it had nothing to do
                self._drop(worker)

    def _start(self) -> _Worker | None:
        worker = _Worker(self._grader, self._seconds)
        with self._lock:
            self._all.add(worker)
        wrong = worker.start()
        if wrong is None:
            self._failed_starts = 0
            return worker
        self._drop(worker)
        self._failed_starts += 1
        if self._failed_starts >= _STARTS or self._closed:
            raise RlkdError(
                f"the processes that verify answers cannot start ({wrong}): see whether "
                f"`{sys.executable} -c 'import math_verify'` works, and whether memory is left"
            )
        return None

    def _drop(self, worker: _Worker) -> None:
        worker.kill()
        with self._lock:
            self._all.discard(worker)

    def close(self) -> None:
        """End all at once, whatever they are at."""
        with self._lock:
            self._closed = True
            found = list(self._all)
        for worker in found:
            worker.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
