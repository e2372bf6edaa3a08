"""The scheduler: how many requests are in flight, what is asked again and when, and what need not be asked at all.

It knows no backend. A question is looked for in the store first; the same question in flight is asked once; a reply is
committed before anybody sees it.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, TypeVar

from rlkd_data.chat.many import as_async, until_done_or_failed, wake
from rlkd_data.chat.money.bill import Bill
from rlkd_data.chat.pace.aimd import Aimd
from rlkd_data.chat.pace.limits import Limits
from rlkd_data.chat.pace.slots import Slots
from rlkd_data.chat.stats import Stats
from rlkd_data.chat.store import ResponseStore, key_and_size, request_key
from rlkd_data.chat.tries import Tries
from rlkd_data.chat.types import (
    Adapted,
    Backend,
    ComeBack,
    Failed,
    Hopeless,
    Pulse,
    Rejected,
    Reply,
    Request,
)
from rlkd_data.errors import BudgetReached
from rlkd_data.schema import Sampling

Key = TypeVar("Key")
_FORMS = 12
"""Forms of one request that a model may be offered: it takes none of some fields, and fewer tokens."""
_CLAIMED_ELSEWHERE = 0.25
"""Seconds between two looks for a reply that another process is waiting for."""


@dataclass(slots=True)
class _Flight:
    """A request in flight, and how many wait for it: it is given up when nobody does."""

    task: asyncio.Task[Reply]
    waiting: int = 0


class Client:
    """Asks one model. An async context manager; use it within one event loop.

    `concurrency` is the most that may be in flight; the server's answers decide how much of it is used, beginning with
    `start` (default: all). `retry_truncated`: ask again, with this many tokens at most, where a reply was cut off at
    fewer. `breaker`: give up soon on a server that refuses every connection. `sleep` and `clock` (seconds) are there
    for tests. `longest_wait`: seconds that a server may ask to wait for.
    """

    def __init__(
        self,
        backend: Backend,
        store: ResponseStore,
        *,
        concurrency: int | None = None,
        start: int | None = None,
        max_retries: int = 8,
        limits: Limits | None = None,
        bill: Bill | None = None,
        breaker: bool = False,
        longest_wait: float = math.inf,
        retry_truncated: int | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.backend, self.store = backend, store
        self.concurrency = concurrency or backend.default_concurrency
        self.stats = Stats()
        self._sleep = sleep
        self.bill = bill or Bill(backend.model)
        self.bill.carry_over(store)
        self.limits = limits or Limits(sleep=sleep, clock=clock)
        if (watch := getattr(backend, "watch_headers", None)) is not None:
            watch(self.limits.learn)
        self._retry_truncated = retry_truncated
        self._window = Aimd(self.concurrency, start)
        self._slots = Slots(self._window.window)
        self._in_flight: dict[bytes, _Flight] = {}
        self._tries = Tries(
            backend,
            store,
            self.bill,
            self.limits,
            self.stats,
            finished=self._finished,
            max_retries=max_retries,
            breaker=breaker,
            longest_wait=longest_wait,
            sleep=sleep,
            clock=clock,
        )

    @property
    def model(self) -> str:
        """The full `backend:model` name."""
        return self.backend.model

    async def ask(self, request: Request) -> Reply:
        """The reply to one request. Raises Failed: Hopeless where no request will be answered, Rejected where this one
        will not, Retryable where the tries are used up; and BudgetReached."""
        reply = await self._ask(request)
        longer, limit = self._retry_truncated, request.sampling.max_tokens
        if longer is not None and reply.finish_reason == "length" and (limit is None or limit < longer):
            # Another limit is another request with a key of its own: the short reply stays, and is not bought again.
            return await self._ask(replace(request, sampling=replace(request.sampling, max_tokens=longer)))
        return reply

    def cost(self, reply: Reply) -> float | None:
        """What a reply costs in dollars; None where the price is unknown."""
        return self.bill.cost(reply)

    def stored(self, request: Request) -> Reply | None:
        """The reply that the store has for a request."""
        return self.store.get(request_key(self.backend.wire(request), request.sampling.sample_index))

    def pulse(self) -> Pulse:
        """What the client is at."""
        usage = self.stats.usage
        dollars = self.bill.cost_usd if self.bill.prices.known else None
        return Pulse(self._slots.used, usage.prompt_tokens + usage.completion_tokens, dollars)

    def sent(self, request: Request) -> Sampling:
        """How the reply to a request is drawn, as far as the model's wants are known."""
        return self._drawn(self.backend.wire(request), request)

    def _drawn(self, wire: dict[str, Any], request: Request) -> Sampling:
        sent = getattr(self.backend, "sent", None)
        return request.sampling if sent is None else sent(wire, request.sampling)

    async def _ask(self, request: Request) -> Reply:
        change: Adapted | None = None
        for _ in range(_FORMS):
            wire = self.backend.wire(request)
            try:
                reply = await self._ask_wire(wire, request)
            except Adapted as adapted:  # another form has a key of its own, and may be in the store
                change, request = adapted, adapted.adapt(request)
            else:
                if not hasattr(self.backend, "sent"):
                    return reply
                return replace(reply, sent=self._drawn(wire, request), told=frozenset(wire["body"]))
        raise Rejected(str(change), reason="bad_request")

    async def _ask_wire(self, wire: dict[str, Any], request: Request) -> Reply:
        key, size = key_and_size(wire, request.sampling.sample_index)
        flight = self._in_flight.get(key)
        if flight is None:
            stored = self.store.get(key)
            if stored is not None:
                self.stats.from_store += 1
                return stored
            longest = request.sampling.max_tokens or getattr(self.backend, "default_max_tokens", None)
            flight = _Flight(asyncio.create_task(self._ask_and_keep(key, wire, size, longest)))
            self._in_flight[key] = flight
            flight.task.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, even by nobody
        else:
            self.stats.merged += 1
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting:
                self._forget(key, flight)  # before it ends, so that nobody joins a request that is being given up
                flight.task.cancel()  # does nothing to a finished one

    async def ask_all(
        self, requests: Iterable[tuple[Key, Request]] | AsyncIterable[tuple[Key, Request]]
    ) -> AsyncGenerator[tuple[Key, Reply | Failed]]:
        """Replies as they come, each with its request's key; a request that failed gives its failure.

        Takes from `requests` at most four times as many as may be in flight ahead of what the caller has taken, so
        their number may be without bound. Raises Hopeless at once, having stopped everything else; what was answered
        is in the store. Raises BudgetReached, or ComeBack, after the replies of all that was in flight.
        Leaving the loop early stops what is in flight (close the generator to wait for that).
        """
        source = as_async(requests)
        taking = asyncio.Lock()
        results: asyncio.Queue[tuple[Key, Reply | Failed] | None] = asyncio.Queue(2 * self.concurrency)
        spent: list[BudgetReached | ComeBack] = []

        async def work() -> None:
            while not spent:
                async with taking:
                    pair = await anext(source, None)
                if pair is None:
                    return
                key, request = pair
                try:
                    outcome: Reply | Failed = await self.ask(request)
                except Hopeless:
                    raise
                except (BudgetReached, ComeBack) as reached:
                    spent.append(reached)
                    return
                except Failed as failure:
                    outcome = failure
                await results.put((key, outcome))

        # Twice as many as slots: while one waits for its twin in flight, or for the caller, another uses the slot.
        workers = [asyncio.create_task(work()) for _ in range(2 * self.concurrency)]
        finished = asyncio.create_task(until_done_or_failed(workers))
        finished.add_done_callback(lambda _: wake(results))
        try:
            while not (finished.done() and results.empty()):
                result = await results.get()
                if finished.done():
                    finished.result()  # raises what ended the work
                if result is not None:
                    yield result
            finished.result()
            if spent:
                raise spent[0]
        finally:
            for task in (finished, *workers):
                task.cancel()
            await asyncio.gather(finished, *workers, return_exceptions=True)

    async def _ask_and_keep(self, key: bytes, wire: dict[str, Any], size: int, longest: int | None) -> Reply:
        while True:
            async with self._slots:
                if await self.store.claim(key):
                    return await self._ask_claimed(key, wire, size, longest)
            # Another process asks just this: its reply will be in the store, or its claim will end.
            if (reply := self.store.get(key)) is not None:
                self.stats.from_store += 1
                return reply
            await self._sleep(_CLAIMED_ELSEWHERE)

    async def _ask_claimed(self, key: bytes, wire: dict[str, Any], size: int, longest: int | None) -> Reply:
        stored = False
        try:
            reply, paid = await self._tries.until_answered(wire, size, longest)
            try:
                self.stats.add(reply.usage)
                # Within the slot: what a kill can lose is then never more than what may be in flight.
                await self.store.put(key, self.model, reply, paid.entry)
                stored = True
            finally:
                self.bill.written(paid)
        except Failed as failure:
            self.stats.failed += not isinstance(failure, Adapted)
            raise
        finally:
            if not stored:
                self.store.unclaim(key)
        return reply

    def _finished(self, congested: bool) -> None:
        before = self._window.window
        self._window.finished(congested)
        if self._window.window != before:
            self._slots.resize(self._window.window)

    def _forget(self, key: bytes, flight: _Flight) -> None:
        if self._in_flight.get(key) is flight:
            del self._in_flight[key]

    async def close(self) -> None:
        """Stop what is in flight, and free the model."""
        tasks = [flight.task for flight in self._in_flight.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            await self.backend.close()
        finally:
            self.bill.let_go(self.store)
            await asyncio.to_thread(self.store.close)
            self.bill.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
