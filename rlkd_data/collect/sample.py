"""Several samples a problem: which are still to be asked for, and when a problem's replies are all there.

A problem is written whole, when its last reply has come: only then is its pass rate known, and which trace is the best.
Until then its replies are in the response store, so a kill in between costs nothing but the reading.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlkd_data.chat.types import Failed, Rejected, Reply
from rlkd_data.collect.rows import NOT_ASKED, REPEATED
from rlkd_data.digests import Digests, digest
from rlkd_data.schema import TRACES, Problem, Sampling
from rlkd_data.tables import REJECTED, is_table, read_table


@dataclass(frozen=True, slots=True)
class Asked:
    """One sample of one problem."""

    problem: Problem
    sampling: Sampling


Answered = tuple[Asked, Reply | Rejected]


@dataclass
class Written:
    """What a folder holds already: the samples of each problem that was put to the teacher, the rows that were not, and
    how many repetitions of each row, by its id."""

    samples: Digests = field(default_factory=Digests)
    not_asked: Digests = field(default_factory=Digests)
    repetitions: dict[str, int] = field(default_factory=dict)

    def has(self, problem_id: str, index: int) -> bool:
        return _sample(problem_id, index) in self.samples

    def has_all(self, problem_id: str, samples: int) -> bool:
        return all(self.has(problem_id, index) for index in range(samples))


def _sample(problem_id: str, index: int) -> bytes:
    return digest(f"{index} {problem_id}")


def written(out: Path) -> Written:
    """What earlier runs wrote into a folder, rejected rows included."""
    found = Written()
    for rejected in (False, True):
        columns = ["problem_id", "sampling", "trace_id", "teacher", *(["reason"] if rejected else [])]
        if is_table(out / REJECTED if rejected else out):
            for batch in read_table(out, TRACES, columns, rejected=rejected):
                indices = batch.column("sampling").field("sample_index").to_pylist()
                reasons = batch.column("reason").to_pylist() if rejected else [None] * len(indices)
                names = (batch.column(name).to_pylist() for name in ("problem_id", "trace_id", "teacher"))
                for problem, row, teacher, index, reason in zip(*names, indices, reasons, strict=True):
                    if reason == REPEATED:
                        found.repetitions[row] = found.repetitions.get(row, 0) + 1
                    elif rejected and teacher == NOT_ASKED:
                        found.not_asked.add(digest(row))
                    else:
                        found.samples.add(_sample(problem, index or 0))
    return found


class Groups:
    """Replies by problem, until all `samples` of it have come. Holds problems that are in flight, no others."""

    def __init__(self, samples: int) -> None:
        self.samples = samples
        self.failed = 0
        self.last_failure: Failed | None = None
        self._waiting: dict[str, list[Answered | None]] = {}

    def take(self, asked: Asked, answer: Reply | Failed) -> list[Answered] | None:
        """The problem's replies, in the order of their indices, once the last has come. None before that, and for a
        problem of which a request failed: it is asked for again, when the others come out of the store."""
        group = self._waiting.setdefault(asked.problem.problem_id, [])
        if isinstance(answer, Failed) and not isinstance(answer, Rejected):
            self.failed, self.last_failure = self.failed + 1, answer
            group[:] = [None] * (len(group) + 1)
        else:
            group.append(None if None in group else (asked, answer))
        if len(group) < self.samples:
            return None
        del self._waiting[asked.problem.problem_id]
        whole = [pair for pair in group if pair is not None]
        return sorted(whole, key=lambda pair: pair[0].sampling.sample_index) if len(whole) == len(group) else None


class Background:
    """Runs coroutines beside the caller, at most `most` at once. The first failure is raised by what is called next."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Start some work, once there is room for it."""
        self._tasks.add(asyncio.create_task(work))
        while len(self._tasks) >= self._most:
            await self._wait(asyncio.FIRST_COMPLETED)

    async def finish(self) -> None:
        """Wait for all of it."""
        while self._tasks:
            await self._wait(asyncio.ALL_COMPLETED)

    async def _wait(self, until: str) -> None:
        done, self._tasks = await asyncio.wait(self._tasks, return_when=until)
        for task in done:
            task.result()
