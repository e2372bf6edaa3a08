"""Runs in a verifier's worker process, which may be killed at any moment: a job a line in, a verdict a line out.

Started as a module of its own, so that nothing of the program that verifies is run again in it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from rlkd_data.answers.engine import MathVerify
from rlkd_data.answers.verdict import Job, Verdict, decide

SECONDS = 1.0
"""Seconds of processor time that one verdict may take."""
_MEMORY = 4 << 30
"""Bytes of address space a worker may take: a tower of powers would take all that the machine has."""
_GRACE = 5
"""Seconds after its time limit at which a worker ends by itself, should nobody be left to kill it."""
READY = "ready"

Grader = Callable[[Job], Verdict]


class _OutOfTime(BaseException):
    """The processor time of a verdict is spent. No library's `except Exception` may catch it."""


def grade(job: Job) -> Verdict:
    """The verdict, with formulas put to math-verify. Its own time limits are off: whoever started this process kills
    it instead."""
    return decide(job, MathVerify())


def main() -> None:
    """Serve until standard input ends. The first line says the grader, as `module:name`, and the clock's limit."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no verdict
    start = json.loads(sys.stdin.readline())
    sys.path[:0] = [entry for entry in start["path"] if entry not in sys.path]
    module, _, name = start["grader"].partition(":")
    grader: Grader = getattr(import_module(module), name)
    _limit_memory()
    _warm_up()
    print(READY, file=replies, flush=True)
    for line in sys.stdin:
        print(json.dumps(_reply(grader, json.loads(line), start["seconds"])), file=replies, flush=True)


def _reply(grader: Grader, fields: dict[str, Any], seconds: float) -> dict[str, Any]:
    _alarm(int(seconds) + _GRACE)
    try:
        verdict = _within_time(grader, Job(**fields))
    except _OutOfTime:
        verdict = Verdict(None, f"null: no verdict within {SECONDS:g} s of processor time")
    except Exception as problem:  # whatever a grader raises on a strange answer is its verdict on that answer
        verdict = Verdict(None, f"null: the grader failed ({type(problem).__name__})")
    finally:
        _alarm(0)
    return {"is_correct": verdict.is_correct, "how": verdict.how}


def _within_time(grader: Grader, job: Job) -> Verdict:
    import signal

    if not hasattr(signal, "setitimer"):  # Windows: the clock's limit is all there is
        return grader(job)

    def stop(number: int, frame: object) -> None:
        raise _OutOfTime

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        return grader(job)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _warm_up() -> None:
    """Load everything, so that a first answer's time is its own."""
    for gold, answer in (
        ("\\sqrt{2}+x", "x+\\sqrt{2}"),
        ("x \\le y+1", "y \\ge x-1"),
        ("(x+1)^2 = y", "y = x^2+2x+1"),
        ("F_n = \\sum_{k=0}^{n} F_k G_{n}", "F_n = \\sum_{k=0}^{n} G_{n} F_k"),
    ):
        grade(Job(gold, answer, "math"))


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = _MEMORY if hard == resource.RLIM_INFINITY else min(_MEMORY, hard)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    except (OSError, ValueError):  # macOS refuses
        return


def _alarm(seconds: int) -> None:
    """The alarm's default action ends the process from outside the interpreter, so that a worker whose parent was
    killed does not compute for ever."""
    import signal

    if hasattr(signal, "alarm"):
        signal.alarm(seconds)


if __name__ == "__main__":
    main()
