"""A client's money: what a try costs, whether it may be made, and what is written down of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlkd_data.chat.money import ledger
from rlkd_data.chat.money.budget import Budget
from rlkd_data.chat.money.ledger import Entry, Spent
from rlkd_data.chat.money.prices import UNKNOWN, Prices
from rlkd_data.chat.store import ResponseStore
from rlkd_data.chat.types import Reply
from rlkd_data.errors import InputError
from rlkd_data.schema import Usage

UNLIMITED = 8192
"""Completion tokens set aside for a request that names no limit: its reply may be longer, and the cap be overshot by
what is in flight."""


class Bill:
    """The spending of one client, on behalf of the job of `folder`: what earlier runs spent counts. Without a folder
    nothing is written down. Raises InputError for a budget without prices."""

    def __init__(
        self, model: str, prices: Prices = UNKNOWN, *, budget: float | None = None, folder: Path | None = None
    ) -> None:
        if budget is not None and not prices.known:
            raise InputError(
                f"no price is known for {model}, so --budget cannot be held: give --input-price and --output-price, in "
                "dollars a million tokens"
            )
        self.model, self.prices, self._cap, self._folder = model, prices, budget, folder
        self.job = ledger.job_of(folder) if folder is not None else None
        self.spent = Spent()
        self.now = Spent()
        """What this client itself spent."""
        self._budget = None if budget is None else Budget(budget)

    def carry_over(self, store: ResponseStore) -> None:
        """Count what earlier runs of the job have spent."""
        if self.job is not None:
            self.spent = store.spent(self.job)
            if self._budget is not None:
                self._budget.spent = self.spent.cost_usd

    def cost(self, reply: Reply) -> float | None:
        """Dollars of a reply, whenever it was bought; None where the price is unknown."""
        return self.prices.cost(reply.usage, reply.cache_written)

    async def reserve(self, size: int, max_tokens: int | None) -> float:
        """Set aside the most that a request of `size` bytes may cost (no token is shorter than a byte). Raises
        BudgetReached."""
        most = self.most(size, max_tokens)
        if self._budget is not None:
            await self._budget.reserve(most)
        return most

    def most(self, size: int, max_tokens: int | None) -> float:
        """Dollars that a request may cost at most; 0 without a budget."""
        if self._budget is None:
            return 0.0
        return self.prices.cost(Usage(prompt_tokens=size, completion_tokens=max_tokens or UNLIMITED), size) or 0.0

    def fits(self, dollars: float) -> bool:
        """Whether this much could be reserved without waiting for a request in flight."""
        return self._budget is None or self._budget.fits(dollars)

    def owe(self, dollars: float) -> float:
        """Set aside for a request that an earlier run has sent: whatever the cap says."""
        if self._budget is not None:
            self._budget.owe(dollars)
        return dollars

    def write_off(self, reserved: float) -> None:
        """What was set aside may be spent at any time, though nobody waits for it: it counts as spent in this run."""
        if self._budget is not None:
            self._budget.settle(reserved, reserved)

    def settle(self, reserved: float, usage: Usage | None, cost: float | None, *, answered: bool) -> Entry | None:
        """A try has ended: the entry for the ledger, where one is kept. `usage` is None where none was reported."""
        if self._budget is not None:
            self._budget.settle(reserved, cost or 0.0)
        spent = ledger.one_try(usage, cost, answered=answered)
        self.spent, self.now = self.spent + spent, self.now + spent
        return None if self.job is None else Entry(self.job, self.model, spent)

    def release(self, reserved: float) -> None:
        """A request was given up before it was sent, or while it was asked."""
        if self._budget is not None:
            self._budget.settle(reserved, 0.0)

    @property
    def cost_usd(self) -> float | None:
        """Dollars of the job so far; None where some of it has no known price."""
        return None if self.spent.unpriced else self.spent.cost_usd

    def figures(self) -> dict[str, Any]:
        """What the job has spent, for stage.json; nothing where nothing was asked."""
        if not self.spent.tries:
            return {}
        cost = self.cost_usd
        return {
            "tries": self.spent.tries,
            "prompt tokens": self.spent.prompt_tokens,
            "cached tokens": self.spent.cached_tokens,
            "completion tokens": self.spent.completion_tokens,
            "dollars": "unknown" if cost is None else round(cost, 6),
            "prices": self.prices.source,
        }

    def close(self) -> None:
        """Leave the figures in the folder."""
        if self._folder is not None and self.job is not None:
            ledger.save(self._folder, self.job, self.figures())
