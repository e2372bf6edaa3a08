"""A hard cap in dollars, however many requests are in flight, and whatever kills the process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from rlkd_data.errors import BudgetReached

_ROUNDING = 1e-9
"""Of the cap: sums in another order differ by less."""
_SLACK = 1.25
"""How much more than is set aside is written down, so that not every request waits for the disk."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is written down of a job: dollars spent, dollars that others of its clients hold, and dollars held for us
    (None: so much does not fit)."""

    spent: float
    others: float
    granted: float | None


Keep = Callable[[float, float, float], Awaitable[Held]]
"""(least, most, cap): write down that between so many dollars are held, as many as fit under the cap."""


class Budget:
    """Before a request is sent, the most that it can cost is set aside. One that no longer fits waits for those in
    flight to cost less than was set aside for them; when none is in flight, the budget is reached. Use within one event
    loop. `spent`: dollars of earlier runs. `keep` writes down what is set aside before it is used, so that a kill or a
    second process cannot forget it.
    """

    def __init__(self, cap: float, spent: float = 0.0, keep: Keep | None = None) -> None:
        self.cap, self.spent, self.keep = cap, spent, keep
        self._others = 0.0
        self._aside = 0.0
        self._held = 0.0
        self._asking = False
        self._in_flight = 0
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()

    async def reserve(self, dollars: float) -> None:
        """Raises BudgetReached where `dollars` do not fit any more."""
        if self._turn.locked() or not self._take(dollars):
            async with self._turn:
                while not self._take(dollars):
                    exact = not self._in_flight  # else `spent` may hold twice what is settled while it is asked for
                    if await self._hold(dollars):
                        continue
                    if exact:
                        raise self._reached(dollars)
                    if self._in_flight:
                        self._changed.clear()
                        await self._changed.wait()

    def _take(self, dollars: float) -> bool:
        if not self.fits(dollars) or (self.keep is not None and self._aside + dollars > self._held):
            return False
        self._aside += dollars
        self._in_flight += 1
        return True

    async def _hold(self, dollars: float) -> bool:
        """Have so much more written down. Whether it fits."""
        if self.keep is None:
            return self.fits(dollars)
        before = self.spent
        self._asking = True
        try:
            least = self._aside + dollars
            found = await self.keep(least, least * _SLACK, self.cap)
        finally:
            self._asking = False
        # What was settled meanwhile may be in the sum or not: it is counted, and no more than once too often.
        self.spent, self._others = found.spent + (self.spent - before), found.others
        if found.granted is not None:
            self._held = found.granted
        return found.granted is not None

    def _reached(self, dollars: float) -> BudgetReached:
        held = f", ${self._others:,.4f} are held for requests of other processes" if self._others else ""
        return BudgetReached(
            f"the budget of ${self.cap:,.4f} is reached: ${self.spent:,.4f} are spent{held}, and the next request "
            f"may cost up to ${dollars:,.4f}; finished work is kept, and the same command continues with a "
            "higher --budget"
        )

    def fits(self, dollars: float) -> bool:
        """Whether `reserve` would take this much without waiting for a request."""
        return self.spent + self._others + self._aside + dollars <= self.cap * (1 + _ROUNDING)

    def owe(self, dollars: float) -> None:
        """Set aside for a request that cannot be held back any more."""
        self._aside += dollars
        self._in_flight += 1

    def lower(self, reserved: float) -> float | None:
        """How much is to stay written down once a request's cost is, which is written in the same moment; None: as much
        as there is. To be followed by `settle`."""
        left = max(0.0, self._aside - reserved) * _SLACK if self._in_flight > 1 else 0.0
        if self.keep is None or self._asking or self._held <= left * _SLACK:
            return None
        self._held = left
        return left

    def settle(self, reserved: float, cost: float) -> None:
        """What was set aside for a request has become what it cost."""
        self._aside -= reserved
        self._in_flight -= 1
        if not self._in_flight:
            self._aside = 0.0  # no rounding is carried on
        self.spent += cost
        self._changed.set()
