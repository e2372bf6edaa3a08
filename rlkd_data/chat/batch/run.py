"""One run of `BatchClient.ask_all`: which requests go into which batch, and who is told of each answer."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from rlkd_data.chat.batch.drive import Driver
from rlkd_data.chat.batch.harvest import Harvest
from rlkd_data.chat.batch.journal import Filling, Folder, Journal, acquire
from rlkd_data.chat.batch.state import HasBatches, Intent, Provider, Seen, new_intent
from rlkd_data.chat.many import as_async
from rlkd_data.chat.money.bill import Asked, Bill
from rlkd_data.chat.stats import Stats
from rlkd_data.chat.store import ResponseStore, key_and_size
from rlkd_data.chat.types import ComeBack, Failed, Hopeless, Rejected, Reply, Request, Retryable
from rlkd_data.config import BatchSettings
from rlkd_data.errors import BudgetReached, InputError
from rlkd_data.run.progress import note

_LOCK_PAUSE = 0.05


class BatchRun:
    """`running`: the batches that this run knows to be at the provider, by token."""

    def __init__(
        self,
        backend: HasBatches,
        provider: Provider,
        store: ResponseStore,
        journal: Journal,
        settings: BatchSettings,
        *,
        max_retries: int,
        stats: Stats,
        bill: Bill,
        ready: asyncio.Queue[tuple[Any, Reply | Failed] | None],
        longest_wait: float = math.inf,
    ) -> None:
        self._backend, self._provider, self._store, self._journal = backend, provider, store, journal
        self._settings, self._stats, self._bill, self._ready = settings, stats, bill, ready
        self._driver = Driver(
            provider, journal, settings, max_retries=max_retries, watch=self._watch, longest_wait=longest_wait
        )
        self._waiting: dict[bytes, list[Any]] = {}
        """The caller's keys of each request without an answer."""
        self._held: dict[bytes, str] = {}
        """Which unfinished batch holds a request, as of when the plan was last locked."""
        self._adopted: set[str] = set()
        self._expected: dict[str, set[bytes]] = {}
        """What is waited for in the batches of other runs."""
        self._finished: set[str] = set()
        self._given_up: dict[str, Failed] = {}
        self._aside: dict[bytes, Asked] = {}
        """What is set aside for each request."""
        self._results = Harvest(backend.model, provider, store, bill, stats, aside=self._aside, answer=self._answer)
        self._filling: Filling | None = None
        self._reached: BudgetReached | None = None
        self._window = asyncio.Semaphore(self._settings.together)
        self._planning = asyncio.Lock()
        self._group = asyncio.TaskGroup()
        self.running: dict[str, Folder] = {}
        self._seen: dict[str, Seen] = {}

    @property
    def in_flight(self) -> int:
        return len(self._waiting)

    async def work(self, requests: Iterable[Any] | AsyncIterable[Any]) -> None:
        """Until every request has its answer. Raises the first failure of all, Hopeless before others."""
        try:
            async with self._group:
                await self._plan(as_async(requests))
        except BaseExceptionGroup as group:
            failures = group.exceptions
            first = next((e for e in failures if isinstance(e, Hopeless)), failures[0])
            if isinstance(first, OSError):
                what = f"the journal of batches {self._journal.path} cannot be used ({first.strerror or first})"
                raise InputError(f"{what}: check the disk and its rights") from first
            raise first from None
        if self._reached is not None:
            raise self._reached

    async def _plan(self, source: AsyncIterator[tuple[Any, Request]]) -> None:
        """Put each request where it is answered: the store, a batch that holds it already, or a new one."""
        try:
            async for owner, request in source:
                await self._place(owner, request)
        except BudgetReached as reached:
            self._reached = reached  # said when what is paid for has come
        except BaseException:
            self._discard()
            raise
        await self._close()

    async def _place(self, owner: Any, request: Request) -> None:
        bill, limits = self._bill, self._provider.limits
        wire = self._backend.wire(request)
        key, size = key_and_size(wire, request.sampling.sample_index)
        longest = request.sampling.max_tokens or getattr(self._backend, "default_max_tokens", None)
        most = min(limits.requests, self._settings.requests or limits.requests)
        reserved: float | None = None
        try:
            # Each turn that changes what is open looks at everything again: another process may have been here.
            while not await self._known(key, owner):
                if self._filling is None:
                    if reserved is None:
                        reserved = await bill.reserve(size, longest)  # may wait for open batches: nothing is locked
                    await self._begin()
                    continue
                if await self._elsewhere(key, owner, size, longest):
                    return
                line = self._provider.line(self._filling.name(key), wire)
                if len(line) > limits.bytes:
                    said = f"{self._backend.model}: the request is larger than a batch may be"
                    await self._ready.put((owner, Rejected(said, reason="too_long")))
                    return
                full = self._filling.count == most or self._filling.size + len(line) > limits.bytes
                if full or (reserved is None and not bill.fits(bill.most(size, longest))):
                    await self._close()
                    continue
                if reserved is None:
                    reserved = await bill.reserve(size, longest)
                self._filling.add(key, line)
                self._waiting[key] = [owner]
                self._aside[key], reserved = Asked(reserved, size, longest), None
                return
        finally:
            if reserved is not None:
                bill.release(reserved)

    async def _known(self, key: bytes, owner: Any) -> bool:
        """Whether the request needs nothing more: it is waited for already, or the store has its reply."""
        if key in self._waiting:
            self._stats.merged += 1
            self._waiting[key].append(owner)
            return True
        reply = self._store.get(key)
        if reply is None:
            return False
        self._stats.from_store += 1
        await self._ready.put((owner, reply))
        return True

    async def _elsewhere(self, key: bytes, owner: Any, size: int, longest: int | None) -> bool:
        """Whether an unfinished batch holds the request; that batch is then waited for."""
        token = self._held.get(key)
        if token is None or token in self._finished:
            return False
        if (failure := self._given_up.get(token)) is not None:
            await self._ready.put((owner, failure))
            return True
        self._waiting[key] = [owner]
        owed = self._bill.owe(self._bill.most(size, longest))  # it was sent by an earlier run
        self._aside[key] = Asked(owed, size, longest)
        self._adopt(token, key)
        return True

    async def _begin(self) -> None:
        """Open a batch to fill, with the plan locked: nobody else chooses requests until it is closed."""
        await self._window.acquire()
        try:
            await self._lock_plan()
            try:
                self._held = self._journal.open_keys()
                self._filling = self._journal.fill()
            except BaseException:
                self._end()
                raise
        except BaseException:
            self._window.release()
            raise

    async def _close(self) -> None:
        """Send what was filled, if it holds anything."""
        filling = self._filling
        if filling is None or not filling.count:
            self._discard()
            return
        self._filling = None
        try:
            folder = filling.seal(self._intent(filling, 1))
        except BaseException:
            self._window.release()
            raise
        finally:
            self._end()
        self._stats.asked += filling.count
        self._group.create_task(self._see_through(folder, self._window))

    def _discard(self) -> None:
        if self._filling is not None:
            self._filling.discard()
            self._filling = None
            self._end()
            self._window.release()

    def _intent(self, filling: Filling, attempt: int) -> Intent:
        backend, _, _ = self._backend.model.partition(":")
        return new_intent(backend, self._provider.site, self._backend.model, filling.token, filling.count, attempt)

    async def _lock_plan(self) -> None:
        await self._planning.acquire()  # the file's lock does not tell one task of this process from another
        try:
            while not acquire(self._journal.plan):  # noqa: ASYNC110 - another process holds it
                await asyncio.sleep(_LOCK_PAUSE)
        except BaseException:
            self._planning.release()
            raise

    def _end(self) -> None:
        self._journal.plan.release()
        self._planning.release()

    @asynccontextmanager
    async def _plan_locked(self) -> AsyncIterator[None]:
        await self._lock_plan()
        try:
            yield
        finally:
            self._end()

    def _adopt(self, token: str, key: bytes) -> None:
        self._expected.setdefault(token, set()).add(key)
        if token not in self._adopted:
            self._adopted.add(token)
            self._group.create_task(self._take_over(token))

    async def _take_over(self, token: str) -> None:
        """See another run's batch through; where that run lives, wait for it."""
        while True:
            folder = self._journal.take(token)
            if folder is not None:
                await self._see_through(folder, None)
                return
            if not self._journal.exists(token):
                break
            await asyncio.sleep(self._settings.poll)
        self._finished.add(token)
        said = f"{self._backend.model}: another process asked for this in a batch, and got no reply"
        open_now = self._journal.open_keys()
        for key in self._expected.pop(token, set()):
            reply = self._store.get(key)
            if reply is None and key in open_now and key in self._waiting:  # that process has sent it again
                self._adopt(open_now[key], key)
            else:
                await self._answer(key, reply or Retryable(said, reason="failed"))

    async def _see_through(self, folder: Folder, window: asyncio.Semaphore | None) -> None:
        """A batch, and those that repeat what it left, until nothing of it is open."""
        held: Folder | None = folder
        try:
            while held is not None:
                self._adopted.add(held.intent.token)
                self.running[held.intent.token] = held
                try:
                    refusal = await self._driver.bring(held)
                except ComeBack:
                    raise
                except Retryable as failure:
                    self._given_up[held.intent.token] = failure
                    for key in held.read_keys():
                        if (asked := self._aside.pop(key, None)) is not None:
                            self._bill.write_off(asked.reserved)
                        await self._answer(key, failure)
                    return
                except Hopeless:
                    if not self._journal.exists(held.intent.token):
                        self.running.pop(held.intent.token, None)
                    raise
                following = await self._harvest(held, refusal)
                self.running.pop(held.intent.token, None)
                held = following
        finally:
            if held is not None:
                held.release()
            if window is not None:
                window.release()

    async def _harvest(self, folder: Folder, refusal: Failed | None) -> Folder | None:
        """Replies into the store, then to those who wait. Gives the batch of what has to be sent again, if any."""
        hopeless, why = await self._results.read(folder) if refusal is None else (None, refusal)
        if isinstance(refusal, Hopeless):
            hopeless = refusal
        if hopeless is not None:
            self._finished.add(folder.intent.token)
            folder.drop()
            self.running.pop(folder.intent.token, None)
            raise hopeless
        async with self._plan_locked():
            others = self._journal.open_keys(but=folder.intent.token)
            # From here to `_finished` nothing may wait: the plan has to see either the batch or its end.
            left = {key for key in folder.read_keys() if key in self._waiting}
            self._finished.add(folder.intent.token)
            elsewhere = {key: others[key] for key in left if key in others}
            following = None
            again = left - elsewhere.keys()
            if again and refusal is None and folder.intent.attempt < self._settings.attempts:
                filling = self._journal.refill(folder, again)
                following = filling.seal(
                    replace(self._intent(filling, folder.intent.attempt + 1), parent=folder.intent.token)
                )
                self._stats.retries += len(again)
                again = set()
            folder.drop()
        for key, token in elsewhere.items():
            self._adopt(token, key)
        for key in again:
            said = f"{self._backend.model}: no reply after {folder.intent.attempt} batches"
            self._stats.failed += 1
            await self._answer(key, why or Retryable(f"{said} (expired or cancelled)", reason="batch_expired"))
        return following

    async def _answer(self, key: bytes, outcome: Reply | Failed) -> None:
        if (asked := self._aside.pop(key, None)) is not None:
            self._bill.release(asked.reserved)
        for owner in self._waiting.pop(key, ()):
            await self._ready.put((owner, outcome))

    def _watch(self, intent: Intent, seen: Seen) -> None:
        self._seen[intent.token] = seen
        looked = [seen for token, seen in self._seen.items() if token in self.running]
        done, total = sum(seen.answered for seen in looked), sum(seen.total for seen in looked)
        statuses = ", ".join(sorted({seen.status for seen in looked}))
        note(f"batches {len(looked)}: {statuses}, {done:,} of {total:,} answered")
