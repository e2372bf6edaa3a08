"""What a batch came to: replies into the store, each paid for once, and word to those who wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice

from rlkd_data.chat.batch.journal import Folder
from rlkd_data.chat.batch.state import Item, Provider, item_key
from rlkd_data.chat.money.bill import Asked, Bill
from rlkd_data.chat.stats import Stats
from rlkd_data.chat.store import ResponseStore
from rlkd_data.chat.types import Failed, Hopeless, Rejected, Reply

_TOGETHER = 256
"""Replies that are committed together."""


class Harvest:
    """Reads the results of `model`'s batches. `aside`: what is set aside for each request, which the run fills;
    `answer` tells those who wait for one."""

    def __init__(
        self,
        model: str,
        provider: Provider,
        store: ResponseStore,
        bill: Bill,
        stats: Stats,
        *,
        aside: dict[bytes, Asked],
        answer: Callable[[bytes, Reply | Failed], Awaitable[None]],
    ) -> None:
        self._model, self._provider, self._store, self._bill = model, provider, store, bill
        self._stats, self._aside, self._answer = stats, aside, answer

    async def read(self, folder: Folder) -> tuple[Hopeless | None, Failed | None]:
        """Store and hand out what a batch came to. (the reason to stop everything, the last failure that may pass)"""
        hopeless: Hopeless | None = None
        why: Failed | None = None
        with folder.results.open("rb") as lines:
            while together := list(islice(lines, _TOGETHER)):
                items = list(self._items(folder, together))
                replies = [(key, item.outcome) for key, item in items if isinstance(item.outcome, Reply)]
                await asyncio.gather(*(self._keep(key, folder, reply) for key, reply in replies))
                for key, item in items:
                    match item.outcome:
                        case Reply() | Rejected():
                            self._stats.failed += isinstance(item.outcome, Rejected)
                            await self._answer(key, item.outcome)
                        case Hopeless():
                            hopeless = item.outcome
                        case Failed():
                            why = item.outcome
                            self._charge(self._asked(key, folder), item.outcome)
        return hopeless, why

    async def _keep(self, key: bytes, folder: Folder, reply: Reply) -> None:
        """Into the store with what it cost, once: a run that was killed here may have stored some already."""
        if self._store.get(key) is not None:
            return
        asked = self._aside.pop(key, None)
        if asked is None:
            asked = self._asked(key, folder)
            self._bill.owe(0.0)
        paid = self._bill.answered(asked, reply)
        self._stats.add(reply.usage)
        try:
            await self._store.put(key, self._model, reply, paid.entry)
        finally:
            self._bill.written(paid)

    def _asked(self, key: bytes, folder: Folder) -> Asked:
        """A request beside those that something is set aside for; one that nobody here asked has the batch's mean
        size."""
        if (known := self._aside.get(key)) is not None:
            return Asked(0.0, known.size, known.longest)
        return Asked(0.0, folder.requests.stat().st_size // max(1, folder.intent.count), None)

    def _charge(self, asked: Asked, failure: Failed) -> None:
        """Write down what a reply that cannot be read has cost; the request keeps what is set aside for it."""
        if getattr(failure, "usage", None) is None and not failure.paid:
            return
        self._bill.owe(0.0)
        paid = self._bill.failed(asked, failure)
        if paid.entry is not None:
            self._store.note(paid.entry)
        self._bill.written(paid)

    def _items(self, folder: Folder, lines: list[bytes]) -> Iterator[tuple[bytes, Item]]:
        for line in lines:
            try:
                item = self._provider.read(line)
                token, key = item_key(item.custom_id)
            except ValueError:
                continue  # its request is then among those without an answer, and is sent again
            if token == folder.intent.token:
                yield key, item
