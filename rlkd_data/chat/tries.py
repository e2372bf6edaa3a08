"""One request until it has its reply: paid for, held to the limits, asked again after a pause, or given up."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any

from rlkd_data.chat.money.bill import Asked, Bill, Paid
from rlkd_data.chat.pace.breaker import Silence
from rlkd_data.chat.pace.limits import Expectation, Limits
from rlkd_data.chat.pace.retry import pause
from rlkd_data.chat.pace.waiting import Waits
from rlkd_data.chat.stats import Stats
from rlkd_data.chat.store import ResponseStore
from rlkd_data.chat.types import Backend, Failed, Hopeless, Rejected, Reply, Retryable, Unfinished
from rlkd_data.schema import Usage

_FEW = 3
"""Tries after the first, where a failure seldom passes."""
CONGESTED = ("rate_limited", "overloaded", "timeout")


class Tries:
    """What all requests of a client share: its pauses, and what it has heard. `finished` is told of each try whether it
    met a crowd; the other parameters are the client's."""

    def __init__(
        self,
        backend: Backend,
        store: ResponseStore,
        bill: Bill,
        limits: Limits,
        stats: Stats,
        *,
        finished: Callable[[bool], None],
        max_retries: int,
        breaker: bool,
        longest_wait: float,
        sleep: Callable[[float], Awaitable[None]],
        clock: Callable[[], float],
    ) -> None:
        self._backend, self._store, self._bill, self._limits = backend, store, bill, limits
        self._stats, self._finished, self._max_retries = stats, finished, max_retries
        self._sleep, self._clock = sleep, clock
        self._expected = Expectation()
        self._not_before = 0.0
        self._waits = Waits(longest_wait)
        self._silence = Silence() if breaker else None
        self._rng = random.Random()  # jitter must differ between processes, so it has no seed

    async def until_answered(self, wire: dict[str, Any], size: int, longest: int | None) -> tuple[Reply, Paid]:
        """Ask, and ask again. The caller keeps its slot during the pauses: an overloaded server gets fewer requests,
        not others. Raises what `Client.ask` does."""
        tries = 0
        while True:
            while (wait := self._not_before - self._clock()) > 0:
                await self._sleep(wait)
            try:
                answer = await self._once(wire, size, longest, first=not tries)
            except Retryable as failure:
                tries += 1
                self._finished(failure.reason in CONGESTED)
                if self._silence is not None and self._silence.is_dead(failure, self._clock()):
                    raise Hopeless(f"{failure} – is it running? (or give another --base-url)") from None
                if tries > (min(self._max_retries, _FEW) if failure.few else self._max_retries):
                    if isinstance(failure, Unfinished):
                        raise Rejected(str(failure), reason=failure.reason) from None
                    raise
                self._stats.retries += 1
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
        asked = Asked(await self._bill.reserve(size, longest), size, longest)
        self._stats.asked += first
        need = self._expected.of(size, longest)
        try:
            await self._limits.acquire(need)
        except BaseException:
            self._bill.release(asked.reserved)
            raise
        try:
            reply = await self._backend.ask(wire)
        except Failed as failure:
            self._limits.settle(need, getattr(failure, "usage", None) or Usage())
            paid = self._bill.failed(asked, failure)
            try:
                if paid.entry is not None:
                    await self._store.noted(paid.entry)
            finally:
                self._bill.written(paid)
            raise
        except BaseException:  # given up after it was sent: nobody knows what became of it
            paid = self._bill.lost(asked)
            if paid.entry is not None:
                self._store.note(paid.entry)
            self._bill.written(paid)
            raise
        self._expected.learn(size, reply.usage)
        self._limits.settle(need, reply.usage)
        return reply, self._bill.answered(asked, reply)
