"""Is an answer right? True, false, or null with the reason; a grader that hangs costs one worker, not the run."""

from __future__ import annotations

import multiprocessing
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import TimeoutError as Timeout
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import TracebackType
from typing import Any

from rlkd_data.collect.grading import grade, warm_up
from rlkd_data.collect.normalise import choice_letter
from rlkd_data.schema import Domain

_START_UP = 120.0
"""Seconds that a worker may take to load math-verify."""
_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`how`: what decided (`exact`, `number`, `letter`, `math-verify`), or `null: …` with the reason."""

    is_correct: bool | None
    how: str


@dataclass(frozen=True, slots=True)
class Job:
    gold: str | None
    answer: str | None
    domain: Domain


def quick(job: Job) -> Verdict | None:
    """What can be told without math-verify; None where it is needed."""
    if job.gold is None or not job.gold.strip():
        return Verdict(None, "null: no gold answer")
    if job.domain == "code":
        return Verdict(None, "null: code is not run")
    if job.answer is None or not job.answer.strip():
        return Verdict(False, "no answer")
    gold, answer = _plain(job.gold), _plain(job.answer)
    if gold == answer:
        return Verdict(True, "exact")
    left, right = as_number(job.gold), as_number(job.answer)
    if left is not None and right is not None:
        return Verdict(left == right, "number")
    if re.fullmatch(r"[A-Z]", job.gold.strip()) and job.domain != "math":
        return Verdict(choice_letter(job.answer) == job.gold.strip(), "letter")
    if job.domain == "puzzle":
        return Verdict(False, "exact")
    return None


def as_number(text: str) -> Decimal | None:
    """A plain decimal number, perhaps with thousands' commas, a dollar sign or a degree of bold around it."""
    bare = text.strip().strip("*$ ").removeprefix("\\$").strip()
    if not _NUMBER.fullmatch(bare):
        return None
    try:
        return Decimal(bare.replace(",", ""))
    except InvalidOperation:
        return None


def _plain(text: str) -> str:
    return " ".join(text.strip().strip("$").removesuffix(".").split()).lower()


class Verifier:
    """Grades answers in worker processes. `timeout` is in seconds per answer; `workers` defaults to the cores.

    Workers start with the first answer that needs one. `grader` is a module-level function (gold, answer) -> bool | None.
    """

    def __init__(
        self,
        workers: int | None = None,
        timeout: float = 10.0,
        grader: Callable[[str, str], bool | None] = grade,
    ) -> None:
        self.workers = workers or min(os.cpu_count() or 1, 8)
        self.timeout = timeout
        self._grader = grader
        self._pool: Any = None

    def verify(self, gold: str | None, answer: str | None, domain: Domain) -> Verdict:
        """One verdict; see `verify_all` for many."""
        return next(self.verify_all([Job(gold, answer, domain)]))

    def verify_all(self, jobs: Iterable[Job]) -> Iterator[Verdict]:
        """A verdict for each job, in order, graded in parallel; at most some dozens are in the works at once."""
        waiting: deque[Verdict | Any] = deque()
        for job in jobs:
            waiting.append(quick(job) or self._schedule(job))
            if len(waiting) >= 16 * self.workers:
                yield self._result(waiting.popleft())
        while waiting:
            yield self._result(waiting.popleft())

    def _schedule(self, job: Job) -> Any:
        if self._pool is None:
            from pebble import ProcessPool

            self._pool = ProcessPool(self.workers, context=multiprocessing.get_context("spawn"))
            for started in [self._pool.schedule(warm_up, timeout=_START_UP) for _ in range(self.workers)]:
                started.result()
        return self._pool.schedule(self._grader, args=(job.gold, job.answer), timeout=self.timeout)

    def _result(self, found: Verdict | Any) -> Verdict:
        from pebble import ProcessExpired

        if isinstance(found, Verdict):
            return found
        try:
            equal = found.result()
        except Timeout:
            return Verdict(None, f"null: no verdict within {self.timeout:g} s")
        except ProcessExpired:
            return Verdict(None, "null: the grader crashed")
        except Exception as problem:
            return Verdict(None, f"null: the grader failed ({type(problem).__name__})")
        return Verdict(equal, "math-verify") if equal is not None else Verdict(None, "null: unreadable answer")

    def close(self) -> None:
        """Stop the workers at once."""
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()
            self._pool = None

    def __enter__(self) -> Verifier:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
