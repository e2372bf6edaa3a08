"""A hard cap in dollars, however many requests are in flight."""

from __future__ import annotations

import asyncio

from rlkd_data.errors import BudgetReached


class Budget:
    """Before a request is sent, the most that it can cost is set aside. One that no longer fits waits for those in
    flight to cost less than was set aside for them; when none is in flight, the budget is reached. Use within one event
    loop. `spent`: dollars of earlier runs."""

    def __init__(self, cap: float, spent: float = 0.0) -> None:
        self.cap, self.spent = cap, spent
        self._aside = 0.0
        self._in_flight = 0
        self._changed = asyncio.Event()

    async def reserve(self, dollars: float) -> None:
        """Raises BudgetReached where `dollars` do not fit any more."""
        while self.spent + self._aside + dollars > self.cap:
            if not self._in_flight:
                raise BudgetReached(
                    f"the budget of ${self.cap:,.4f} is reached: ${self.spent:,.4f} are spent, and the next request "
                    f"may cost up to ${dollars:,.4f}; finished work is kept, and the same command continues with a "
                    "higher --budget"
                )
            self._changed.clear()
            await self._changed.wait()
        self._aside += dollars
        self._in_flight += 1

    def fits(self, dollars: float) -> bool:
        """Whether `reserve` would take this much without waiting."""
        return self.spent + self._aside + dollars <= self.cap

    def owe(self, dollars: float) -> None:
        """Set aside for a request that cannot be held back any more."""
        self._aside += dollars
        self._in_flight += 1

    def settle(self, reserved: float, cost: float) -> None:
        """What was set aside for a request has become what it cost."""
        self._aside -= reserved
        self._in_flight -= 1
        if not self._in_flight:
            self._aside = 0.0  # no rounding is carried on
        self.spent += cost
        self._changed.set()
