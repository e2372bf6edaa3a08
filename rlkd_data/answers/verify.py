"""Is an answer right? True, false, or null with the reason; a grader that hangs costs one worker, not the run."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

from rlkd_data.answers.grading import Grader, grade
from rlkd_data.answers.verdict import Job, NeedsEngine, NoEngine, Verdict, decide
from rlkd_data.answers.workers import Crashed, TooLong, Workers
from rlkd_data.errors import RlkdError
from rlkd_data.schema import Domain, Trace

__all__ = ["CodeRuns", "Job", "Verdict", "Verifier", "job_of", "quick"]

Key = TypeVar("Key")

_AHEAD = 16
"""Answers in the works for each worker: enough that none waits, few enough to hold."""


@dataclass(frozen=True, slots=True)
class CodeRuns:
    """What a graded program may take: `seconds` a test, `total_seconds` an answer, `memory` in bytes."""

    seconds: float = 10.0
    total_seconds: float = 120.0
    memory: int = 1 << 30


def job_of(trace: Trace) -> Job:
    """What there is to verify of a trace: its final answer, or of code the whole response, which holds the program."""
    answer = trace.response if trace.domain == "code" else trace.final_answer
    return Job(trace.answer, answer, trace.domain, trace.problem)


def quick(job: Job) -> Verdict | None:
    """What can be told without math-verify and without running code; None where one of them is needed."""
    try:
        return decide(job, NoEngine())
    except NeedsEngine:
        return None


class Verifier:
    """Grades answers in worker processes.

    `timeout` is in seconds per answer; `workers` defaults to the cores, at most 8. Workers start with the first answer
    that needs one, and never run the caller's script. `grader` is a module-level function of a module that can be
    imported. `code`: run programs, in a sandbox, within these limits; None leaves them unjudged.
    """

    def __init__(
        self,
        workers: int | None = None,
        timeout: float = 10.0,
        grader: Grader = grade,
        code: CodeRuns | None = None,
    ) -> None:
        self.workers = workers or min(os.cpu_count() or 1, 8)
        self.timeout = timeout
        self._grader = f"{grader.__module__}:{grader.__qualname__}"
        self._code = code
        self._pool: Workers | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._closing = threading.Event()

    @property
    def ahead(self) -> int:
        """Answers that may be in the works at once."""
        return _AHEAD * self.workers

    def verify(self, gold: str | None, answer: str | None, domain: Domain, problem: str | None = None) -> Verdict:
        """One verdict; see `verify_all` for many."""
        return next(self.verify_all([Job(gold, answer, domain, problem)]))

    def verify_all(self, jobs: Iterable[Job]) -> Iterator[Verdict]:
        """A verdict for each job, in order, graded in parallel."""
        for _, verdict in self.verify_each((None, job) for job in jobs):
            yield verdict

    def verify_each(self, jobs: Iterable[tuple[Key, Job]]) -> Iterator[tuple[Key, Verdict]]:
        """As `verify_all`, each verdict with its job's key. Takes at most `ahead` jobs ahead of the verdicts."""
        waiting: deque[tuple[Key, Verdict | Future[Any]]] = deque()
        for key, job in jobs:
            waiting.append((key, self._begin(job)))
            if len(waiting) >= self.ahead:
                yield self._finish(*waiting.popleft())
        while waiting:
            yield self._finish(*waiting.popleft())

    async def verify_async(self, job: Job) -> Verdict:
        """One verdict, without holding up the event loop."""
        found = self._begin(job)
        if isinstance(found, Verdict):
            return found
        await asyncio.gather(asyncio.wrap_future(found), return_exceptions=True)
        return self._judged(found)

    def _finish(self, key: Key, found: Verdict | Future[Any]) -> tuple[Key, Verdict]:
        return key, found if isinstance(found, Verdict) else self._judged(found)

    def _begin(self, job: Job) -> Verdict | Future[Any]:
        if job.domain == "code" and self._code is not None and job.gold and job.gold.strip():
            return self._schedule_code(job.gold, job.answer or "", self._code)
        return quick(job) or self._schedule(job)

    def _schedule_code(self, gold: str, answer: str, code: CodeRuns) -> Future[Any]:
        """A thread waits for each program; the sandbox holds it to its time, so none waits for ever."""
        from rlkd_data.answers.programs import grade_code

        if self._threads is None:
            self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="code")
        return self._threads.submit(
            grade_code, gold, answer, code.seconds, code.total_seconds, code.memory, self._closing.is_set
        )

    def _schedule(self, job: Job) -> Future[Any]:
        if self._pool is None:
            self._pool = Workers(self.workers, self._grader, self.timeout)
        return self._pool.submit(dataclasses.asdict(job))

    def _judged(self, found: Future[Any]) -> Verdict:
        """The verdict, waited for. Raises RlkdError where no process can be started."""
        try:
            said = found.result()
        except TooLong:
            return Verdict(None, f"null: no verdict within {self.timeout:g} s")
        except Crashed:
            return Verdict(None, "null: the grader crashed")
        except RlkdError:
            raise
        except Exception as problem:
            return Verdict(None, f"null: the grader failed ({type(problem).__name__})")
        if isinstance(said, dict):
            return Verdict(said["is_correct"], said["how"])
        return Verdict(said.is_correct, said.how)

    def close(self) -> None:
        """Stop the workers, and the programs that are being graded, at once."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None
        if self._threads is not None:
            self._closing.set()
            self._threads.shutdown(cancel_futures=True)
            self._threads = None
            self._closing.clear()

    def __enter__(self) -> Verifier:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
