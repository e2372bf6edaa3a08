"""Brings one batch from its intent to its results on the disk; each state is written down before the call that leaves
it.

A create call that was cut off (a kill, a timeout, a 500) may have made a batch: it is looked for, twice with
`settle` seconds between, before another call. The one way to pay twice is a provider that acts on a dead client's call
later than that; it then costs that one batch.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TypeVar

from rlkd_data.chat.batch.journal import Folder, Journal
from rlkd_data.chat.batch.state import Found, Intent, Provider, Seen, Step, mark_creating, next_step, poll_pause
from rlkd_data.chat.pace.retry import pause
from rlkd_data.chat.pace.waiting import Waits
from rlkd_data.chat.types import Failed, Hopeless, Rejected, Retryable
from rlkd_data.config import BatchSettings
from rlkd_data.files import whole_file

T = TypeVar("T")
_REFUSED = ("rate_limited", "overloaded")
"""Reasons that say that the provider did not act on a call."""


@dataclass(slots=True)
class _Way:
    """How far one batch has come in this run, apart from what its intent says. `absent`: looked for since the last
    create call, and not there; `settled`: not there once, and waited since."""

    folder: Folder
    looks: int = 0
    tries: int = 0
    refusals: int = 0
    absent: bool = False
    settled: bool = False
    refusal: Failed | None = None


class Driver:
    """`watch` is told of every look at a batch. `longest_wait`: seconds that the provider may ask to wait for."""

    def __init__(
        self,
        provider: Provider,
        journal: Journal,
        settings: BatchSettings,
        *,
        max_retries: int,
        watch: Callable[[Intent, Seen], None],
        longest_wait: float = math.inf,
    ) -> None:
        self._provider, self._journal, self._settings = provider, journal, settings
        self._max_retries, self._watch = max_retries, watch
        self._rng = random.Random()
        self._waits = Waits(longest_wait)

    async def bring(self, folder: Folder) -> Failed | None:
        """Go on until the results are in the folder; the reason, where the provider refused the batch as a whole.

        Raises Retryable where the provider cannot be reached (the batch stays in the journal), ComeBack where it asks
        to wait too long (so it does), Hopeless where it refuses us.
        """
        steps = {
            Step.UPLOAD: self._upload,
            Step.FIND: self._find,
            Step.CREATE: self._create,
            Step.WATCH: self._look_after,
        }
        way = _Way(folder)
        while way.refusal is None:
            step = next_step(folder.intent, wants_file=self._provider.wants_file, absent=way.absent)
            if step is Step.HARVEST:
                return None
            await steps[step](way)
        return way.refusal

    async def _upload(self, way: _Way) -> None:
        folder = way.folder
        try:
            file_id = await self._persist(lambda: self._provider.upload(folder.intent, folder.requests))
        except (Hopeless, Rejected) as failure:
            raise _not_made(folder, failure) from None
        folder.save(replace(folder.intent, file_id=file_id))

    async def _find(self, way: _Way) -> None:
        folder = way.folder
        found = await self._persist(lambda: self._provider.find(folder.intent, self._others(folder)))
        if isinstance(found, str):
            folder.save(replace(folder.intent, batch_id=found))
        elif found is Found.UNSURE:
            way.settled = False
            await self._wait(way)
        elif way.settled:
            way.absent = True
        else:
            way.settled = True
            await asyncio.sleep(self._settings.settle)

    async def _create(self, way: _Way) -> None:
        folder = way.folder
        folder.save(mark_creating(folder.intent))
        way.absent = way.settled = False
        try:
            batch_id = await self._provider.create(folder.intent, folder.requests)
        except Retryable as failure:
            way.tries += 1
            if way.tries > self._max_retries:
                raise
            way.absent = failure.reason in _REFUSED
            await self._pause(way.tries, failure)
        except (Hopeless, Rejected) as failure:
            raise _not_made(folder, failure) from None
        else:
            way.looks = 0
            folder.save(replace(folder.intent, batch_id=batch_id))

    async def _look_after(self, way: _Way) -> None:
        folder = way.folder
        seen = await self._look(folder.intent)
        if isinstance(seen.failure, Retryable) and way.refusals < self._max_retries:
            # The account's limit of waiting tokens: other batches have to end first. This one was not begun.
            way.refusals += 1
            folder.save(replace(folder.intent, batch_id=None, creating=None))
            await self._wait(way)
        elif seen.failure is not None:
            way.refusal = seen.failure
        elif seen.ended:
            await self._persist(lambda: self._download(folder, seen))
            folder.save(replace(folder.intent, fetched=True))
        else:
            await self._wait(way)

    async def _wait(self, way: _Way) -> None:
        way.looks += 1
        await asyncio.sleep(poll_pause(self._settings.poll, way.looks))

    async def _look(self, intent: Intent) -> Seen:
        batch_id = intent.batch_id or ""
        try:
            seen = await self._persist(lambda: self._provider.look(batch_id))
        except Hopeless as failure:
            raise Hopeless(
                f"batch {batch_id} cannot be looked at ({failure}): it was created with another key or removed there; "
                f"use that key, or give the batch up by removing {self._journal.path / intent.token}"
            ) from None
        self._watch(intent, seen)
        return seen

    async def _download(self, folder: Folder, seen: Seen) -> None:
        with whole_file(folder.results) as kept:
            for name in seen.results:
                last = b"\n"
                async with aclosing(self._provider.fetch(name)) as stream:
                    async for piece in stream:
                        kept.write(piece)
                        last = piece[-1:] or last
                if last != b"\n":
                    kept.write(b"\n")

    def _others(self, folder: Folder) -> frozenset[str]:
        """Ids of the batches that are known to be of other intents."""
        known = (intent for intent in self._journal.intents() if intent.token != folder.intent.token)
        return frozenset(intent.batch_id for intent in known if intent.batch_id is not None)

    async def _persist(self, call: Callable[[], Awaitable[T]]) -> T:
        """The call's result, asked for again where that may help and does no harm."""
        tries = 0
        while True:
            try:
                return await call()
            except Retryable as failure:
                tries += 1
                if tries > self._max_retries:
                    raise
                await self._pause(tries, failure)

    async def _pause(self, tries: int, failure: Retryable) -> None:
        self._waits.note(failure, time.monotonic())
        await asyncio.sleep(pause(tries, failure.retry_after, self._rng))


def _not_made(folder: Folder, failure: Failed) -> Hopeless:
    """A batch that was refused is forgotten, so that the next run, with other settings, plans anew."""
    folder.drop()
    hint = "; a server without batches needs --mode online" if " answered 404" in str(failure) else ""
    return Hopeless(f"no batch could be created: {failure}{hint}")
