"""Is an answer right? True, false, or null with the reason; a grader that hangs costs one worker, not the run."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Timeout
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from types import TracebackType
from typing import Any, TypeVar

from rlkd_data.answers.choices import chosen, options_of
from rlkd_data.answers.final import choice_letter
from rlkd_data.answers.grading import grade, prepare, run
from rlkd_data.answers.structures import as_structure
from rlkd_data.errors import RlkdError
from rlkd_data.schema import Domain, Trace

Key = TypeVar("Key")

_AHEAD = 16
"""Answers in the works for each worker: enough that none waits, few enough to hold."""
_TASKS = 2000
"""Answers after which a worker is replaced: sympy's caches only grow."""
_BREAKS = 3
"""Times in a row that the workers may fail to start before the run stops."""
_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:[, \u202f]\d{3})+|\d+)?(?:(?<=\d)\.?|\.\d+)")
_LETTER = re.compile(r"\(?(?P<letter>[A-Z])(?:\)?\.?|[).:]+[ ](?P<text>.+))", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]{2,}(?:['’-][^\W\d_]+)*")
_TEXT = re.compile(r"\\(?:text|textbf|textit|mathrm|mbox)\s*\{([^{}]*)\}")
_ARTICLES = frozenset({"a", "an", "the"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """`how`: what decided (`exact`, `number`, `letter`, `option`, `structure`, `words`, `math-verify`, `no answer`,
    `tests: …`), or `null: …` with the reason."""

    is_correct: bool | None
    how: str


@dataclass(frozen=True, slots=True)
class Job:
    gold: str | None
    answer: str | None
    domain: Domain
    problem: str | None = None
    """Where given, the options in it tell which letter a text stands for, and which text a letter."""


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
    if job.gold is None or not job.gold.strip():
        return Verdict(None, "null: no gold answer")
    if job.domain == "code":
        return Verdict(None, "null: code is not run")
    if job.answer is None or not job.answer.strip():
        return Verdict(False, "no answer")
    if _plain(job.gold) == _plain(job.answer):
        return Verdict(True, "exact")
    if (found := _by_option(job)) is not None:
        return found
    rules = (_by_number, _by_letter, _by_structure, _by_words)
    return next((found for rule in rules if (found := rule(job.gold, job.answer, job.domain))), None)


def _by_option(job: Job) -> Verdict | None:
    """Where both name an option of the problem, whether it is the same one. None where one of them does not."""
    options = options_of(job.problem) if job.problem else {}
    if not options:
        return None
    wanted, said = chosen(job.gold or "", options), chosen(job.answer or "", options)
    return Verdict(wanted == said, "option") if wanted and said else None


def _opened(job: Job) -> Job:
    """The job with the option's text for gold, where gold is a letter and the answer names no option: it may be the
    same value written otherwise."""
    options = options_of(job.problem) if job.problem and job.gold and job.answer else {}
    if not options or chosen(job.answer or "", options) or choice_letter(job.answer or ""):
        return job
    letter = chosen(job.gold or "", options)
    return replace(job, gold=options[letter]) if letter else job


def _by_number(gold: str, answer: str, domain: Domain) -> Verdict | None:
    left, right = as_number(gold), as_number(answer)
    return Verdict(left == right, "number") if left is not None and right is not None else None


def _by_letter(gold: str, answer: str, domain: Domain) -> Verdict | None:
    """A gold letter may also be the name of a quantity, in mathematics, so there only another letter is wrong."""
    found = _LETTER.fullmatch(gold.strip())
    chosen = choice_letter(answer)
    if found is None or (chosen is None and (domain == "math" or found["text"])):
        return None
    return Verdict(chosen == found["letter"], "letter")


def _by_structure(gold: str, answer: str, domain: Domain) -> Verdict | None:
    """Lists, grids and mappings of a puzzle, element by element. In mathematics brackets may be an interval."""
    if domain != "puzzle":
        return None
    left, right = as_structure(gold), as_structure(answer)
    return Verdict(left == right, "structure") if left is not None and right is not None else None


def _by_words(gold: str, answer: str, domain: Domain) -> Verdict | None:
    wanted, said = _words(gold), _words(answer)
    if wanted and said:
        if wanted == said:
            return Verdict(True, "words")
        return Verdict(False, "words") if len(wanted) == len(said) == 1 else Verdict(None, "null: free text")
    return Verdict(None, "null: free text") if domain == "puzzle" else None


def as_number(text: str) -> Decimal | None:
    """A plain decimal number, perhaps with thousands' commas, a dollar sign or bold around it."""
    bare = text.strip().strip("*$ ").removeprefix("\\$").replace("\\!", "").strip()
    if not any(character.isdigit() for character in bare) or not _NUMBER.fullmatch(bare):
        return None
    try:
        return Decimal(re.sub("[, \u202f]", "", bare))
    except InvalidOperation:  # digits of another script
        return None


def _plain(text: str) -> str:
    return " ".join(text.strip().strip("$").removesuffix(".").split()).lower()


def _words(text: str) -> tuple[str, ...] | None:
    """The words of an answer that is nothing but words, without articles; None where it is anything else."""
    bare = _TEXT.sub(r"\1", text).strip().strip("$*").removesuffix(".").lower()
    words = bare.split()
    kept = tuple(word for word in words if word not in _ARTICLES)
    return kept if kept and all(_WORD.fullmatch(word) for word in kept) and "\\" not in bare else None


@dataclass(frozen=True, slots=True)
class _Scheduled:
    pool: Any
    future: Future[Any]


class Verifier:
    """Grades answers in worker processes.

    `timeout` is in seconds per answer; `workers` defaults to the cores, at most 8. Workers start with the first answer
    that needs one. `grader` is a module-level function (gold, answer) -> bool | None. `code`: run programs, in a
    sandbox, within these limits; None leaves them unjudged.
    """

    def __init__(
        self,
        workers: int | None = None,
        timeout: float = 10.0,
        grader: Callable[[str, str], bool | None] = grade,
        code: CodeRuns | None = None,
    ) -> None:
        self.workers = workers or min(os.cpu_count() or 1, 8)
        self.timeout = timeout
        self._grader = grader
        self._code = code
        self._pool: Any = None
        self._threads: ThreadPoolExecutor | None = None
        self._closing = threading.Event()
        self._breaks = 0

    @property
    def ahead(self) -> int:
        """Answers that may be in the works at once."""
        return _AHEAD * self.workers

    def verify(self, gold: str | None, answer: str | None, domain: Domain) -> Verdict:
        """One verdict; see `verify_all` for many."""
        return next(self.verify_all([Job(gold, answer, domain)]))

    def verify_all(self, jobs: Iterable[Job]) -> Iterator[Verdict]:
        """A verdict for each job, in order, graded in parallel."""
        for _, verdict in self.verify_each((None, job) for job in jobs):
            yield verdict

    def verify_each(self, jobs: Iterable[tuple[Key, Job]]) -> Iterator[tuple[Key, Verdict]]:
        """As `verify_all`, each verdict with its job's key. Takes at most `ahead` jobs ahead of the verdicts."""
        waiting: deque[tuple[Key, Job, Verdict | _Scheduled]] = deque()
        for key, given in jobs:
            job = _opened(given)
            waiting.append((key, job, self._begin(job)))
            if len(waiting) >= self.ahead:
                yield self._finish(*waiting.popleft())
        while waiting:
            yield self._finish(*waiting.popleft())

    async def verify_async(self, job: Job) -> Verdict:
        """One verdict, without holding up the event loop."""
        job = _opened(job)
        found: Verdict | _Scheduled | None = self._begin(job)
        while not isinstance(found, Verdict):
            scheduled = found or self._schedule(job)
            await asyncio.gather(asyncio.wrap_future(scheduled.future), return_exceptions=True)
            found = self._judged(scheduled)
        return found

    def _finish(self, key: Key, job: Job, found: Verdict | _Scheduled) -> tuple[Key, Verdict]:
        verdict = found if isinstance(found, Verdict) else self._judged(found)
        while verdict is None:
            verdict = self._judged(self._schedule(job))
        return key, verdict

    def _begin(self, job: Job) -> Verdict | _Scheduled:
        if job.domain == "code" and self._code is not None and job.gold and job.gold.strip() and job.answer:
            return self._schedule_code(job.gold, job.answer, self._code)
        return quick(job) or self._schedule(job)

    def _schedule_code(self, gold: str, answer: str, code: CodeRuns) -> _Scheduled:
        """A thread waits for each program; the sandbox holds it to its time, so none waits for ever."""
        from rlkd_data.answers.programs import grade_code

        if self._threads is None:
            self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="code")
        future = self._threads.submit(
            grade_code, gold, answer, code.seconds, code.total_seconds, code.memory, self._closing.is_set
        )
        return _Scheduled(None, future)

    def _schedule(self, job: Job) -> _Scheduled:
        if self._pool is None:
            from pebble import ProcessPool

            context: Any = multiprocessing.get_context("spawn")
            self._pool = ProcessPool(self.workers, max_tasks=_TASKS, initializer=prepare, context=context)
        arguments = (self._grader, job.gold, job.answer, self.timeout)
        try:
            future: Future[bool | None] = self._pool.schedule(run, args=arguments, timeout=self.timeout)
        except RuntimeError as problem:  # a pool that broke takes no more
            future = Future()
            future.set_exception(BrokenProcessPool(str(problem)))
        return _Scheduled(self._pool, future)

    def _judged(self, scheduled: _Scheduled) -> Verdict | None:
        """The verdict, waited for; None where the workers broke under it, so that it must be asked for again.

        Raises RlkdError where they break again and again.
        """
        from pebble import ProcessExpired

        try:
            equal = scheduled.future.result()
        except BrokenProcessPool as problem:
            self._replace(scheduled.pool, problem)
            return None
        except Timeout:
            how = f"null: no verdict within {self.timeout:g} s"
        except ProcessExpired:
            how = "null: the grader crashed"
        except Exception as problem:  # whatever a grader raises on a strange answer is its verdict on that answer
            how = f"null: the grader failed ({type(problem).__name__})"
        else:
            if scheduled.pool is None:
                return Verdict(equal.is_correct, equal.how)
            self._breaks = 0
            return Verdict(equal, "math-verify" if equal is not None else "null: unreadable answer")
        return Verdict(None, how)

    def _replace(self, broken: Any, problem: BrokenProcessPool) -> None:
        """Give a broken pool up, once, however many answers were in it: a worker was killed while it had nothing to do,
        or could not start."""
        if self._pool is not broken:
            return
        self._stop_pool()
        self._breaks += 1
        if self._breaks >= _BREAKS:
            raise RlkdError(
                f"the processes that verify answers die at once ({problem}): see whether "
                "`python -c 'import math_verify'` works, and whether memory is left"
            )

    def _stop_pool(self) -> None:
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()
            self._pool = None

    def close(self) -> None:
        """Stop the workers at once; of a program that is being graded, after the test that it is in."""
        self._stop_pool()
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
