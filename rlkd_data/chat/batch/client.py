"""The client for a provider's batches: the same questions as `Client`'s, answered within a day at half the price.

Requests that the store has not are gathered into batches; replies go into the same store under the same keys. What
was begun is in the journal, so that a run that was killed, or left with ^C, is continued by the next: a request that
an unfinished batch holds is waited for there, never put into another.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from types import TracebackType
from typing import Any, TypeVar

from rlkd_data.chat.batch.journal import Journal
from rlkd_data.chat.batch.run import BatchRun
from rlkd_data.chat.batch.state import HasBatches
from rlkd_data.chat.many import wake
from rlkd_data.chat.money.bill import Bill
from rlkd_data.chat.stats import Stats
from rlkd_data.chat.store import ResponseStore, request_key
from rlkd_data.chat.types import Failed, Hopeless, Pulse, Reply, Request
from rlkd_data.config import BatchSettings
from rlkd_data.run.progress import console
from rlkd_data.schema import Sampling

Key = TypeVar("Key")
_READY = 64
"""Replies that wait for the caller."""


class BatchClient:
    """Asks one model, in batches. An async context manager; use it within one event loop. `longest_wait`: seconds that
    the provider may ask to wait for."""

    def __init__(
        self,
        backend: HasBatches,
        store: ResponseStore,
        journal: Journal,
        settings: BatchSettings,
        *,
        max_retries: int = 8,
        bill: Bill | None = None,
        longest_wait: float = math.inf,
    ) -> None:
        self.backend, self.store, self.journal, self.settings = backend, store, journal, settings
        self.max_retries, self.longest_wait = max_retries, longest_wait
        self.provider = backend.batches()
        self.stats = Stats()
        self.bill = bill or Bill(backend.model)
        self.bill.carry_over(store, hold=False)
        self._runs: list[BatchRun] = []

    @property
    def model(self) -> str:
        """The full `backend:model` name."""
        return self.backend.model

    def cost(self, reply: Reply) -> float | None:
        """What a reply costs in dollars; None where the price is unknown."""
        return self.bill.cost(reply)

    def stored(self, request: Request) -> Reply | None:
        """The reply that the store has for a request."""
        return self.store.get(request_key(self.backend.wire(request), request.sampling.sample_index))

    def sent(self, request: Request) -> Sampling:
        """How the reply to a request is drawn."""
        sent = getattr(self.backend, "sent", None)
        return request.sampling if sent is None else sent(self.backend.wire(request), request.sampling)

    def pulse(self) -> Pulse:
        """What the client is at; in flight are the requests that batches hold."""
        usage = self.stats.usage
        dollars = self.bill.cost_usd if self.bill.prices.known else None
        in_flight = sum(run.in_flight for run in self._runs)
        return Pulse(in_flight, usage.prompt_tokens + usage.completion_tokens, dollars)

    async def ask_all(
        self, requests: Iterable[tuple[Key, Request]] | AsyncIterable[tuple[Key, Request]]
    ) -> AsyncGenerator[tuple[Key, Reply | Failed]]:
        """Replies as their batches end, each with its request's key; a request that failed gives its failure.

        Holds the keys, not the requests, of at most `settings.together` batches of its own at a time. Raises Hopeless
        where the provider will answer nothing, ComeBack where it asks to wait too long, and BudgetReached after the
        replies of all batches that could be paid.
        Leaving early leaves the batches running: the next run goes on.
        """
        ready: asyncio.Queue[tuple[Any, Reply | Failed] | None] = asyncio.Queue(_READY)
        run = BatchRun(
            self.backend,
            self.provider,
            self.store,
            self.journal,
            self.settings,
            max_retries=self.max_retries,
            stats=self.stats,
            bill=self.bill,
            ready=ready,
            longest_wait=self.longest_wait,
        )
        self._runs.append(run)
        work = asyncio.create_task(run.work(requests))
        work.add_done_callback(lambda _: wake(ready))
        try:
            while not (work.done() and ready.empty()):
                result = await ready.get()
                if work.done() and not work.cancelled() and isinstance(work.exception(), Hopeless):
                    break
                if result is not None:
                    yield result
            work.result()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            self._runs.remove(run)
            if left := sum(folder.intent.creating is not None for folder in run.running.values()):
                count = f"{left} batch{'es' if left > 1 else ''}"
                where = f"{self.model} at {self.provider.site}"
                console.print(f"{count} of {where} go on there: the same command fetches them", markup=False)

    async def close(self) -> None:
        """Free the connections; batches go on at the provider."""
        try:
            await self.backend.close()
        finally:
            await asyncio.to_thread(self.store.close)
            self.bill.close()

    async def __aenter__(self) -> BatchClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
