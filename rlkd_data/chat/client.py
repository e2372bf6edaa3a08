"""The scheduler: how many requests are in flight, what is asked again and when, and what need not be asked at all.

It knows no backend. A question is looked for in the store first; the same question in flight is asked once; a reply is
committed before anybody sees it.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, TypeVar

from rlkd_data.chat.many import as_async, until_done_or_failed, wake
from rlkd_data.chat.money.bill import Asked, Bill, Paid
from rlkd_data.chat.pace.aimd import Aimd
from rlkd_data.chat.pace.breaker import Silence
from rlkd_data.chat.pace.limits import Expectation, Limits
from rlkd_data.chat.pace.retry import pause
from rlkd_data.chat.pace.slots import Slots
from rlkd_data.chat.pace.waiting import Waits
from rlkd_data.chat.stats import Stats
from rlkd_data.chat.store import ResponseStore, key_and_size, request_key
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
    Retryable,
    Unfinished,
)
from rlkd_data.errors import BudgetReached
from rlkd_data.schema import Sampling, Usage

Key = TypeVar("Key")
_FORMS = 12
"""Forms of one request that a model may be offered: it takes none of some fields, and fewer tokens."""
_FEW = 3
"""Tries after the first, where a failure seldom passes."""
_CONGESTED = ("rate_limited", "overloaded", "timeout")
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
        self.max_retries = max_retries
        self.stats = Stats()
        self._sleep, self._clock = sleep, clock
        self.bill = bill or Bill(backend.model)
        self.bill.carry_over(store)
        self.limits = limits or Limits(sleep=sleep, clock=clock)
        if (watch := getattr(backend, "watch_headers", None)) is not None:
            watch(self.limits.learn)
        self._expected = Expectation()
        self._retry_truncated = retry_truncated
        self._window = Aimd(self.concurrency, start)
        self._slots = Slots(self._window.window)
        self._in_flight: dict[bytes, _Flight] = {}
        self._not_before = 0.0
        self._waits = Waits(longest_wait)
        self._silence = Silence() if breaker else None
        self._rng = random.Random()  # jitter must differ between processes, so it has no seed

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
                return replace(reply, sent=self._drawn(wire, request)) if hasattr(self.backend, "sent") else reply
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
            reply, paid = await self._try(wire, size, longest)
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

    async def _try(self, wire: dict[str, Any], size: int, longest: int | None) -> tuple[Reply, Paid]:
        """Ask, and ask again. Keeps its slot while it pauses: an overloaded server gets fewer requests, not others."""
        tries = 0
        while True:
            while (wait := self._not_before - self._clock()) > 0:
                await self._sleep(wait)
            try:
                answer = await self._once(wire, size, longest, first=not tries)
            except Retryable as failure:
                tries += 1
                self._finished(failure.reason in _CONGESTED)
                if self._silence is not None and self._silence.is_dead(failure, self._clock()):
                    raise Hopeless(f"{failure} – is it running? (or give another --base-url)") from None
                if tries > (min(self.max_retries, _FEW) if failure.few else self.max_retries):
                    if isinstance(failure, Unfinished):
                        raise Rejected(str(failure), reason=failure.reason) from None
                    raise
                self.stats.retries += 1
                self._waits.note(failure, self._clock())
                if failure.reason == "rate_limited" and failure.retry_after:
                    # The limit is the account's, not this request's: no other may spend its tries against it.
                    self._not_before = max(self._not_before, self._clock() + failure.retry_after)
                await self._sleep(pause(tries, failure.retry_after, self._rng))
            else:
                self._finished(False)
                if self._silence is not None:
                    self._silence.heard()
                return answer

    async def _once(self, wire: dict[str, Any], size: int, longest: int | None, *, first: bool) -> tuple[Reply, Paid]:
        """One try: paid for from the budget, counted against the limits, and written down."""
        asked = Asked(await self.bill.reserve(size, longest), size, longest)
        self.stats.asked += first
        need = self._expected.of(size, longest)
        try:
            await self.limits.acquire(need)
        except BaseException:
            self.bill.release(asked.reserved)
            raise
        try:
            reply = await self.backend.ask(wire)
        except Failed as failure:
            self.limits.settle(need, getattr(failure, "usage", None) or Usage())
            paid = self.bill.failed(asked, failure)
            try:
                if paid.entry is not None:
                    await self.store.noted(paid.entry)
            finally:
                self.bill.written(paid)
            raise
        except BaseException:  # given up after it was sent: nobody knows what became of it
            paid = self.bill.lost(asked)
            if paid.entry is not None:
                self.store.note(paid.entry)
            self.bill.written(paid)
            raise
        self._expected.learn(size, reply.usage)
        self.limits.settle(need, reply.usage)
        return reply, self.bill.answered(asked, reply)

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
