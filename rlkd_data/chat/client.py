"""The scheduler: how many requests are in flight, what is asked again and when, and what need not be asked at all.

It knows no backend. A question is looked for in the store first; the same question in flight is asked once; a reply is
committed before anybody sees it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar

from rlkd_data.chat.retry import pause
from rlkd_data.chat.store import ResponseStore, request_key
from rlkd_data.chat.types import Backend, Failed, Hopeless, Reply, Request, Retryable
from rlkd_data.schema import Usage

Key = TypeVar("Key")


@dataclass
class Stats:
    """What a client did.

    `asked`: requests that went to the backend, each counted once; `retries`: the tries after the first; `merged`:
    those that shared the reply of the same request in flight. `usage` counts only replies that were asked for now.
    """

    asked: int = 0
    from_store: int = 0
    merged: int = 0
    retries: int = 0
    failed: int = 0
    usage: Usage = field(default_factory=Usage)

    def add(self, usage: Usage) -> None:
        self.usage = Usage(
            self.usage.prompt_tokens + usage.prompt_tokens,
            self.usage.cached_tokens + usage.cached_tokens,
            self.usage.completion_tokens + usage.completion_tokens,
            self.usage.reasoning_tokens + usage.reasoning_tokens,
        )


@dataclass(slots=True)
class _Flight:
    """A request in flight, and how many wait for it: it is given up when nobody does."""

    task: asyncio.Task[Reply]
    waiting: int = 0


class Client:
    """Asks one model. An async context manager; use it within one event loop.

    `sleep` and `clock` (seconds) are there for tests.
    """

    def __init__(
        self,
        backend: Backend,
        store: ResponseStore,
        *,
        concurrency: int | None = None,
        max_retries: int = 8,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.backend, self.store = backend, store
        self.concurrency = concurrency or backend.default_concurrency
        self.max_retries = max_retries
        self.stats = Stats()
        self._sleep, self._clock = sleep, clock
        self._slots = asyncio.Semaphore(self.concurrency)
        self._in_flight: dict[bytes, _Flight] = {}
        self._not_before = 0.0
        self._rng = random.Random()  # jitter must differ between processes, so it has no seed

    @property
    def model(self) -> str:
        """The full `backend:model` name."""
        return self.backend.model

    async def ask(self, request: Request) -> Reply:
        """The reply to one request. Raises Failed: Hopeless where no request will be answered, Rejected where this one
        will not, Retryable where the tries are used up."""
        wire = self.backend.wire(request)
        key = request_key(wire, request.sampling.sample_index)
        flight = self._in_flight.get(key)
        if flight is None:
            stored = self.store.get(key)
            if stored is not None:
                self.stats.from_store += 1
                return stored
            flight = _Flight(asyncio.create_task(self._ask_and_keep(key, wire)))
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
    ) -> AsyncIterator[tuple[Key, Reply | Failed]]:
        """Replies as they come, each with its request's key; a request that failed gives its failure.

        Takes from `requests` at most four times as many as may be in flight ahead of what the caller has taken, so
        their number may be without bound. Raises Hopeless at once, having stopped everything else; what was answered
        is in the store. Leaving the loop early stops what is in flight (close the generator to wait for that).
        """
        source = _as_async(requests)
        taking = asyncio.Lock()
        results: asyncio.Queue[tuple[Key, Reply | Failed] | None] = asyncio.Queue(2 * self.concurrency)

        async def work() -> None:
            while True:
                async with taking:
                    pair = await anext(source, None)
                if pair is None:
                    return
                key, request = pair
                try:
                    outcome: Reply | Failed = await self.ask(request)
                except Hopeless:
                    raise
                except Failed as failure:
                    outcome = failure
                await results.put((key, outcome))

        # Twice as many as slots: while one waits for its twin in flight, or for the caller, another uses the slot.
        workers = [asyncio.create_task(work()) for _ in range(2 * self.concurrency)]
        finished = asyncio.create_task(_until_done_or_failed(workers))
        finished.add_done_callback(lambda _: _wake(results))
        try:
            while not (finished.done() and results.empty()):
                result = await results.get()
                if finished.done():
                    finished.result()  # raises what ended the work
                if result is not None:
                    yield result
            finished.result()
        finally:
            for task in (finished, *workers):
                task.cancel()
            await asyncio.gather(finished, *workers, return_exceptions=True)

    async def _ask_and_keep(self, key: bytes, wire: dict[str, Any]) -> Reply:
        async with self._slots:
            self.stats.asked += 1
            try:
                reply = await self._try(wire)
            except Failed:
                self.stats.failed += 1
                raise
            self.stats.add(reply.usage)
            # Within the slot: what a kill can lose is then never more than what may be in flight.
            await self.store.put(key, self.model, reply)
        return reply

    async def _try(self, wire: dict[str, Any]) -> Reply:
        """Ask, and ask again. Keeps its slot while it pauses: an overloaded server gets fewer requests, not others."""
        tries = 0
        while True:
            while (wait := self._not_before - self._clock()) > 0:
                await self._sleep(wait)
            tries += 1
            try:
                return await self.backend.ask(wire)
            except Retryable as failure:
                if tries > self.max_retries:
                    raise
                self.stats.retries += 1
                if failure.reason == "rate_limited" and failure.retry_after:
                    # The limit is the account's, not this request's: no other may spend its tries against it.
                    self._not_before = max(self._not_before, self._clock() + failure.retry_after)
                await self._sleep(pause(tries, failure.retry_after, self._rng))

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
            await asyncio.to_thread(self.store.close)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _as_async(requests: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Any]:
    if isinstance(requests, AsyncIterable):
        async for pair in requests:
            yield pair
    else:
        for pair in requests:
            yield pair


async def _until_done_or_failed(workers: list[asyncio.Task[None]]) -> None:
    """Wait for all workers, or for the first that fails, and raise that failure.

    Hopeless comes before any other failure: it says what the user has to change.
    """
    done, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
    failures = [error for task in done if not task.cancelled() and (error := task.exception()) is not None]
    if failures:
        raise next((error for error in failures if isinstance(error, Hopeless)), failures[0])


def _wake(results: asyncio.Queue[Any]) -> None:
    if not results.full():  # a full one wakes its reader by itself
        results.put_nowait(None)
