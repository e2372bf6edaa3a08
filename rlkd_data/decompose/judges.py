"""Judges replies while others come in: a few on a thread, many in processes of their own."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from rlkd_data.answers.verify import Verifier
from rlkd_data.decompose.judge import Case, Judged, Rules, judge_many, with_code
from rlkd_data.errors import RlkdError

Key = TypeVar("Key")

TOGETHER = 128
"""Cases judged in one go at most."""
_MANY = 32
"""Cases waiting from which they go to the processes, which take a second to start."""


class Judges:
    """`submit` cases, and take what was judged of them from `judged`. Made by `open_judges`."""

    def __init__(self, rules: Rules, verifier: Verifier) -> None:
        self._rules, self._verifier = rules, verifier
        self._workers = min(os.cpu_count() or 1, 8)
        self._pool: ProcessPoolExecutor | None = None
        self._waiting: list[tuple[Any, Case]] = []
        self._running: set[asyncio.Task[list[tuple[Any, Judged]]]] = set()

    async def submit(self, key: Any, case: Case) -> list[tuple[Any, Judged]]:
        """Hand a case in; returns those that were judged meanwhile. Waits while too many are in the works."""
        self._waiting.append((key, case))
        done = self._take()
        while len(self._waiting) >= 2 * TOGETHER:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            done += self._take()
        return done

    async def rest(self) -> list[tuple[Any, Judged]]:
        """All that is still in the works."""
        done: list[tuple[Any, Judged]] = self._take()
        while self._running:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            done += self._take()
        return done

    def _take(self) -> list[tuple[Any, Judged]]:
        finished = {task for task in self._running if task.done()}
        self._running -= finished
        done = [one for task in finished for one in task.result()]
        while self._waiting and len(self._running) < self._workers:
            batch, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            self._running.add(asyncio.create_task(self._judge(batch)))
        return done

    async def _judge(self, batch: list[tuple[Any, Case]]) -> list[tuple[Any, Judged]]:
        cases = [case for _, case in batch]
        if len(batch) < _MANY:
            judged = await asyncio.to_thread(judge_many, cases, self._rules)
        else:
            try:
                judged = await asyncio.get_running_loop().run_in_executor(
                    self._processes(), judge_many, cases, self._rules
                )
            except BrokenProcessPool as problem:
                raise RlkdError(f"a process that checks replies died ({problem}): see whether memory is left") from None
        return [(key, await self._compared(one)) for (key, _), one in zip(batch, judged, strict=True)]

    async def _compared(self, judged: Judged) -> Judged:
        """The verdicts of math-verify put in; an answer that it cannot compare is not called wrong."""
        for open_ in judged.compare:
            if open_.code == "not_gold" and "wrong_final" in judged.issues:
                continue
            if (await self._verifier.verify_async(open_.job)).differs:
                judged = with_code(judged, open_.code, self._rules)
        return judged

    def _processes(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._workers, mp_context=context, initializer=_prepare)
        return self._pool

    async def close(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._pool is not None:
            await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)


@asynccontextmanager
async def open_judges(rules: Rules, workers: int | None, seconds: float) -> AsyncIterator[Judges]:
    """Judges whose processes end with the block. `workers` and `seconds` (per answer) are those of the `Verifier`."""
    with Verifier(workers, seconds) as verifier:
        judges = Judges(rules, verifier)
        try:
            yield judges
        finally:
            await judges.close()


def _prepare() -> None:
    """Make a worker end with its parent, even one that was killed, and leave ^C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
