"""What a stage would ask and what that would cost, from a small sample of its own requests.

While `estimating` holds, `open_client` gives a client that counts the requests instead of asking them. Those that the
store can answer cost nothing; of the others a few, drawn at random, are asked (their replies are kept, so that they are
not paid for again), and the rest is reckoned from them.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from rlkd_data.chat.client import Client, Key
from rlkd_data.chat.many import as_async
from rlkd_data.chat.store import key_and_size
from rlkd_data.chat.types import Failed, Reply, Request
from rlkd_data.errors import InputError
from rlkd_data.schema import Usage

SAMPLE: ContextVar[int | None] = ContextVar("rlkd_estimate_sample", default=None)
"""How many requests may be asked, while a stage is only to be estimated."""
_T90 = (math.inf, 6.31, 2.92, 2.35, 2.13, 2.02, 1.94, 1.89, 1.86, 1.83)
"""Student's t by degrees of freedom, for an interval that holds 90 % (two-sided)."""
_BYTES_PER_TOKEN = (5.0, 2.5)
"""Of a prompt, where no reply tells: few tokens, many tokens."""
_LEAST_SHARE = 0.05
"""Of the longest reply allowed: what a reply is taken to have at least, where none tells."""


@contextmanager
def estimating(sample: int) -> Iterator[None]:
    """Within the block, stages are estimated: at most `sample` requests are asked."""
    token = SAMPLE.set(sample)
    try:
        yield
    finally:
        SAMPLE.reset(token)


@dataclass(frozen=True, slots=True)
class Range:
    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """`requests` are still to be paid for; `stored` are answered, `sampled` of them just now, for `sample_cost`
    dollars. Tokens and dollars are of the `requests`; the range holds nine times in ten, if the sample is like the
    rest, and covers no retries. Dollars are None where the price is unknown."""

    model: str
    requests: int
    stored: int
    sampled: int
    prompt_tokens: Range
    completion_tokens: Range
    dollars: Range | None
    sample_cost: float | None
    prices: str

    def lines(self) -> list[str]:
        """For a person."""
        basis = (
            f"from {self.sampled} replies" if self.sampled else "a guess from the prompts' length: nothing was asked"
        )
        if self.dollars is None:
            price = f"no price is known for {self.model}: give --input-price and --output-price"
        else:
            price = f"${self.dollars.low:,.4f} to ${self.dollars.high:,.4f} ({self.prices})"
        lines = [
            f"requests to ask: {self.requests:,} ({self.stored:,} more are answered in the store and cost nothing)",
            f"tokens in: {_span(self.prompt_tokens)} ({basis})",
            f"tokens out: {_span(self.completion_tokens)}",
            f"dollars: {price}",
        ]
        if self.sampled and self.sample_cost is not None:
            lines.append(f"the sample cost ${self.sample_cost:,.4f}; its replies are kept")
        return lines


class Estimated(Exception):
    """Not an error: ends a stage that was only to be estimated, for each model that it asks. `uncounted` says what else
    it would ask that nobody can know before."""

    def __init__(self, *estimates: Estimate, uncounted: str | None = None) -> None:
        super().__init__("estimated")
        self.estimates, self.uncounted = estimates, uncounted

    def lines(self) -> list[str]:
        """For a person."""
        lines: list[str] = []
        for estimate in self.estimates:
            lines += [f"{estimate.model}:"] if len(self.estimates) > 1 else []
            lines += estimate.lines()
        return lines + ([f"not counted: {self.uncounted}"] if self.uncounted else [])


class EstimatingClient(Client):
    """Counts requests, asks a few of them, and ends the stage with Estimated."""

    _sampling = False

    async def ask(self, request: Request) -> Reply:
        if self._sampling:
            return await super().ask(request)
        raise InputError("this stage decides from each reply what to ask next, so it cannot be estimated")

    async def ask_all(
        self, requests: Iterable[tuple[Key, Request]] | AsyncIterable[tuple[Key, Request]]
    ) -> AsyncGenerator[tuple[Key, Reply | Failed]]:
        seen, chance = Seen(), random.Random(0)
        size = SAMPLE.get() or 0
        async for _, request in as_async(requests):
            key, length = key_and_size(self.backend.wire(request), request.sampling.sample_index)
            if not seen.add(key, length, request.sampling.max_tokens, self.store.get(key) is not None):
                continue
            # Reservoir sampling (Vitter 1985, algorithm R): a fair sample of a stream whose length is unknown.
            if len(seen.sample) < size:
                seen.sample.append((length, request))
            elif size and (place := chance.randrange(seen.unanswered)) < size:
                seen.sample[place] = (length, request)
        replies: list[tuple[int, Reply]] = []
        failure: Failed | None = None
        self._sampling = True
        async for length, reply in super().ask_all(iter(seen.sample)):
            if isinstance(reply, Reply):
                replies.append((length, reply))
            else:
                failure = reply
        raise Estimated(self.reckon(seen, replies, failure))
        yield  # makes this a generator, as the stage expects

    def reckon(self, seen: Seen, replies: Sequence[tuple[int, Reply]], failure: Failed | None) -> Estimate:
        """The estimate for what is left. Raises the sample's failure where no reply came."""
        if failure is not None and not replies:
            raise failure
        left = max(0, seen.unanswered - len(replies))
        bytes_left = max(0, seen.bytes - sum(length for length, _ in replies))
        longest = seen.longest or 8192
        if replies:
            density = [reply.usage.prompt_tokens / length for length, reply in replies]
            prompt = _scaled(interval(density, 0.0, 1.0), bytes_left)
            completions = [float(reply.usage.completion_tokens) for _, reply in replies]
            completion = _scaled(interval(completions, 0.0, float(max(longest, *completions))), left)
        else:
            prompt = Range(bytes_left / _BYTES_PER_TOKEN[0], bytes_left / _BYTES_PER_TOKEN[1])
            completion = Range(left * longest * _LEAST_SHARE, float(left * longest))
        cached = _cached_share(replies)
        low = self._dollars(prompt.low, prompt.low * cached, completion.low, left)
        high = self._dollars(prompt.high, 0.0, completion.high, left)
        costs = [self.cost(reply) for _, reply in replies]
        return Estimate(
            model=self.model,
            requests=left,
            stored=seen.stored + len(replies),
            sampled=len(replies),
            prompt_tokens=prompt,
            completion_tokens=completion,
            dollars=None if low is None or high is None else Range(low, high),
            sample_cost=sum(cost or 0.0 for cost in costs) if self.bill.prices.known else None,
            prices=self.bill.prices.source,
        )

    def _dollars(self, prompt: float, cached: float, completion: float, requests: int) -> float | None:
        """Of so many requests alike: a price may depend on how long one of them is."""
        if not requests:
            return 0.0 if self.bill.prices.known else None
        each = Usage(round(prompt / requests), round(cached / requests), round(completion / requests))
        cost = self.bill.prices.cost(each)
        return None if cost is None else cost * requests


class Seen:
    """The requests that went by, each counted once."""

    def __init__(self) -> None:
        self.stored = self.unanswered = self.bytes = self.longest = 0
        self.sample: list[tuple[int, Request]] = []
        self._keys: set[bytes] = set()

    def add(self, key: bytes, length: int, max_tokens: int | None, stored: bool) -> bool:
        """Count a request; whether it has still to be asked."""
        if key in self._keys:
            return False
        self._keys.add(key)
        self.stored += stored
        if not stored:
            self.unanswered += 1
            self.bytes += length
            self.longest = max(self.longest, max_tokens or 0)
        return not stored


def interval(values: Sequence[float], least: float, most: float) -> Range:
    """Where the mean of the whole lies, nine times in ten: mean ± t·s/√n, within what is possible. A single value tells
    nothing of the spread: half to twice of it is taken."""
    mean = statistics.fmean(values)
    if len(values) == 1:
        return Range(max(least, mean / 2), min(most, mean * 2))
    t = _T90[min(len(values) - 1, len(_T90) - 1)]
    spread = t * statistics.stdev(values) / math.sqrt(len(values))
    return Range(max(least, mean - spread), min(most, mean + spread))


def _scaled(range_: Range, by: float) -> Range:
    return Range(range_.low * by, range_.high * by)


def _cached_share(replies: Sequence[tuple[int, Reply]]) -> float:
    """Of the prompt tokens; the most that a reply of the sample had, because the first ones fill the cache."""
    return max(
        (r.usage.cached_tokens / r.usage.prompt_tokens for _, r in replies if r.usage.prompt_tokens), default=0.0
    )


def _span(range_: Range) -> str:
    return f"{round(range_.low):,} to {round(range_.high):,}"


def estimate_stage(function: Any, settings: Any, folder: Any, sample: int) -> Estimated | None:
    """Run a stage's function on an empty folder until it has made its requests. None where it asks none."""
    with estimating(sample):
        try:
            function(settings, folder)
        except Estimated as done:
            return done
    return None
