"""A client's money: what a try costs, whether it may be made, and what is written down of it.

What nobody can tell the cost of counts at the most that it may be: a reply without a believable usage, a try that timed
out or was cut off after it was sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rlkd_data.chat.money import ledger
from rlkd_data.chat.money.budget import Budget, Held
from rlkd_data.chat.money.ledger import Entry, Spent
from rlkd_data.chat.money.prices import FREE, UNKNOWN, Prices
from rlkd_data.chat.money.tokens import believable
from rlkd_data.chat.store import ResponseStore
from rlkd_data.chat.types import Failed, Reply
from rlkd_data.errors import InputError
from rlkd_data.run.process import owner
from rlkd_data.run.progress import console
from rlkd_data.schema import Usage

UNLIMITED = 8192
"""Completion tokens set aside for a request that names no limit: its reply may be longer, and the cap be overshot by
what is in flight."""
_OVER = 1.1
"""Times `max_tokens` that a reply may have before the server is said to ignore it: they count a few tokens apart."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A try that may be paid for: what is set aside for it in dollars, the size of its request in bytes, and the most
    tokens that its reply may have (None: no limit)."""

    reserved: float
    size: int
    longest: int | None


@dataclass(frozen=True, slots=True)
class Paid:
    """A try that has ended: what it cost, and the entry for the ledger, where one is kept. What is set aside for it is
    free once that entry is written (`Bill.written`)."""

    reserved: float
    cost: float
    entry: Entry | None


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
        self.model, self.prices, self._folder = model, prices, folder
        self.job = ledger.job_of(folder) if folder is not None else None
        self.spent = Spent()
        self._budget = None if budget is None else Budget(budget)
        self._owner = owner()
        self._factor = 1.0
        """How many times as much as could be a reply has cost at most: a server that ignores `max_tokens` is reckoned
        with."""
        self._said: set[str] = set()

    def carry_over(self, store: ResponseStore, *, hold: bool = True) -> None:
        """Count what earlier runs of the job have spent, and what they may have: requests that a kill cut off. `hold`:
        write down what is set aside (batches, which outlive a kill, have a journal of their own)."""
        if self.job is None:
            return
        cut_off = store.bury(self.job)
        self.spent = store.spent(self.job)
        if cut_off:
            self._say("cut off", f"an earlier run was cut off; what it had in flight counts as spent: ${cut_off:,.4f}")
        if self._budget is not None:
            self._budget.spent = self.spent.cost_usd
            if hold:
                self._budget.keep = partial(self._keep, store)

    async def _keep(self, store: ResponseStore, least: float, most: float, cap: float) -> Held:
        assert self.job is not None
        return await store.hold(self.job, self._owner, self.model, least, most, cap)

    def cost(self, reply: Reply) -> float | None:
        """Dollars of a reply, whenever it was bought; None where the price, or what it took, is unknown."""
        if self.prices is not FREE and not believable(reply):
            return None
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
        return 0.0 if self._budget is None else self._factor * self._ceiling(size, max_tokens)

    def _ceiling(self, size: int, max_tokens: int | None) -> float:
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

    def answered(self, asked: Asked, reply: Reply) -> Paid:
        """A try has brought a reply."""
        cost = self.cost(reply)
        if cost is None and self.prices.known:
            told = f"prompt_tokens {reply.usage.prompt_tokens:,}, completion_tokens {reply.usage.completion_tokens:,}"
            self._say(
                "usage",
                f"{self.model} sends replies without a believable count of tokens ({told}): each counts at the most "
                "that it may cost",
            )
            return self._ended(asked, reply.usage, self._at_most(asked), answered=True)
        self._notice(asked, reply.usage, cost)
        return self._ended(asked, reply.usage, cost, answered=True)

    def failed(self, asked: Asked, failure: Failed) -> Paid:
        """A try has brought none: it cost what the server says, or where it may have been paid for, the most."""
        usage: Usage | None = getattr(failure, "usage", None)
        if usage is not None:
            return self._ended(asked, usage, self.prices.cost(usage), answered=False)
        return self.lost(asked) if failure.paid else self._ended(asked, None, None, answered=False)

    def lost(self, asked: Asked) -> Paid:
        """A try that was sent, and of which nobody hears any more: it may have been paid for."""
        cost = self._at_most(asked)
        if cost:
            self._say(
                "lost",
                f"{self.model}: requests that timed out, or were cut off after they were sent, may have been paid for: "
                "each counts at the most that it may cost",
            )
        return self._ended(asked, Usage() if cost is None else None, cost, answered=False)

    def _at_most(self, asked: Asked) -> float | None:
        """None where no price is known: what it may have cost is not nothing."""
        if not self.prices.known:
            return None
        return asked.reserved or self._factor * self._ceiling(asked.size, asked.longest)

    def _notice(self, asked: Asked, usage: Usage, cost: float | None) -> None:
        """A server that does not keep to `max_tokens` may make every request dearer than what is set aside for it."""
        over = asked.longest is not None and usage.completion_tokens > _OVER * asked.longest + 1
        if self._budget is not None and cost is not None and cost > asked.reserved:
            ceiling = self._ceiling(asked.size, asked.longest)
            self._factor = max(self._factor, cost / ceiling if ceiling else 1.0)
        if over:
            dearer = f": each request is now reckoned at {self._factor:,.3g} times as much" if self._budget else ""
            self._say(
                "max_tokens",
                f"{self.model} does not keep to max_tokens: {usage.completion_tokens:,} tokens came where at most "
                f"{asked.longest:,} were asked for{dearer}",
            )

    def _ended(self, asked: Asked, usage: Usage | None, cost: float | None, *, answered: bool) -> Paid:
        spent = ledger.one_try(usage, cost, answered=answered)
        self.spent = self.spent + spent
        entry = None
        if self.job is not None:
            held = None if self._budget is None else self._budget.lower(asked.reserved)
            entry = Entry(self.job, self.model, spent, self._owner, held)
        return Paid(asked.reserved, cost or 0.0, entry)

    def written(self, paid: Paid) -> None:
        """The entry is on the disk, or nobody waits for that: what was set aside is free."""
        if self._budget is not None:
            self._budget.settle(paid.reserved, paid.cost)

    def release(self, reserved: float) -> None:
        """A request was given up before it was sent."""
        if self._budget is not None:
            self._budget.settle(reserved, 0.0)

    def _say(self, kind: str, line: str) -> None:
        if kind not in self._said:
            self._said.add(kind)
            console.print(line, markup=False)

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

    def let_go(self, store: ResponseStore) -> None:
        """Nothing is in flight any more, and so nothing held."""
        if self.job is not None and self._budget is not None and self._budget.keep is not None:
            store.note(Entry(self.job, self.model, Spent(), self._owner, 0.0))

    def close(self) -> None:
        """Leave the figures in the folder."""
        if self._folder is not None and self.job is not None:
            ledger.save(self._folder, self.job, self.figures())
