"""Requests and tokens a minute: what is over a limit waits. Limits come from the user, and from the server's headers.

A token bucket a limit, with a burst of one second's worth: a server that looks at any minute then sees hardly more than
the limit. What a request will take is estimated before it is sent and corrected by its reply.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from rlkd_data.schema import Usage

_SHORTEST_NAP, _ROUNDING = 0.001, 1e-6
_LONGEST_NAP = 0.25
"""Seconds after which a waiting request looks again: replies may have given tokens back meanwhile."""
_TRUSTED = 60.0
"""Seconds that a limit of a server's headers may hold one request back."""
_REQUESTS, _TOKENS, _INPUT, _OUTPUT = "requests", "tokens", "input_tokens", "output_tokens"
_HEADERS = {
    "x-ratelimit-{}-requests": _REQUESTS,
    "x-ratelimit-{}-tokens": _TOKENS,
    "anthropic-ratelimit-requests-{}": _REQUESTS,
    "anthropic-ratelimit-input-tokens-{}": _INPUT,
    "anthropic-ratelimit-output-tokens-{}": _OUTPUT,
}
_LIMIT = {name.format("limit"): kind for name, kind in _HEADERS.items()}
_REMAINING = {name.format("remaining"): kind for name, kind in _HEADERS.items()}


class Bucket:
    """`per_minute` units flow in, up to one second's worth. A taker may leave it in debt, so that one that needs more
    than fits is let through as well. Pure: the clock is the caller's."""

    def __init__(self, per_minute: float, now: float) -> None:
        self._at = now
        self._level = 0.0
        self.set_rate(per_minute)
        self._level = self._burst

    def set_rate(self, per_minute: float) -> None:
        self.per_minute = per_minute
        self._burst = max(1.0, per_minute / 60.0)

    def _flow(self, now: float) -> None:
        self._level = min(self._burst, self._level + (now - self._at) * self.per_minute / 60.0)
        self._at = now

    def wait(self, amount: float, now: float) -> float:
        """Seconds until `amount` may be taken."""
        self._flow(now)
        short = min(amount, self._burst) - self._level
        return short * 60.0 / self.per_minute if short > _ROUNDING else 0.0

    def take(self, amount: float) -> None:
        """Take, or give back a negative amount."""
        self._level = min(self._burst, self._level - amount)

    def at_most(self, remaining: float, age: float, now: float) -> None:
        """The server said, `age` seconds ago at most, that this much remained."""
        self._flow(now)
        self._level = min(self._level, remaining + age * self.per_minute / 60.0)


@dataclass(frozen=True, slots=True)
class Need:
    """What a request is expected to take, in tokens."""

    prompt: float
    completion: float

    def of(self, kind: str) -> float:
        match kind:
            case "requests":
                return 1.0
            case "input_tokens":
                return self.prompt
            case "output_tokens":
                return self.completion
            case _:
                return self.prompt + self.completion


class Expectation:
    """What requests take, learned from those that were answered. `size` is a request's length in bytes."""

    def __init__(self) -> None:
        self._tokens_per_byte = 0.3
        self._completion: float | None = None

    def of(self, size: int, max_tokens: int | None) -> Need:
        longest = max_tokens or 1024
        return Need(size * self._tokens_per_byte, longest if self._completion is None else self._completion)

    def learn(self, size: int, usage: Usage) -> None:
        if usage.prompt_tokens:
            self._tokens_per_byte += 0.1 * (usage.prompt_tokens / size - self._tokens_per_byte)
        before = self._completion
        self._completion = (
            float(usage.completion_tokens) if before is None else before + 0.1 * (usage.completion_tokens - before)
        )


class Limits:
    """The limits of one model, and who waits for them. `rpm` and `tpm` are the user's; the server's own come through
    `learn`, and the lower of both holds."""

    def __init__(
        self,
        rpm: float | None = None,
        tpm: float | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sleep, self._clock = sleep, clock
        self._given = {kind: limit for kind, limit in ((_REQUESTS, rpm), (_TOKENS, tpm)) if limit is not None}
        self._buckets = {kind: Bucket(limit, clock()) for kind, limit in self._given.items()}
        self._turn = asyncio.Lock()

    @property
    def known(self) -> dict[str, float]:
        """The limits in force, a minute."""
        return {kind: bucket.per_minute for kind, bucket in self._buckets.items()}

    async def acquire(self, need: Need) -> None:
        """Wait until the request may be sent. First come, first served."""
        if not self._buckets:
            return
        async with self._turn:
            began = self._clock()
            while (wait := self._wait(need, trusted=self._clock() - began < _TRUSTED)) > 0:
                await self._sleep(min(max(wait, _SHORTEST_NAP), _LONGEST_NAP))
            for kind, bucket in self._buckets.items():
                bucket.take(need.of(kind))

    def _wait(self, need: Need, *, trusted: bool) -> float:
        """Seconds until the request may be sent. A server's own limit that has held it back for long is not `trusted`:
        where it is meant, a 429 says so."""
        now, known = self._clock(), self._buckets.items()
        return max((b.wait(need.of(kind), now) for kind, b in known if trusted or kind in self._given), default=0.0)

    def settle(self, need: Need, usage: Usage) -> None:
        """Put what the reply took in the place of what was expected. Cached tokens count for no input limit."""
        took = Need(usage.prompt_tokens, usage.completion_tokens)
        for kind, bucket in self._buckets.items():
            if kind != _REQUESTS:
                cached = usage.cached_tokens if kind == _INPUT else 0
                bucket.take(took.of(kind) - cached - need.of(kind))

    def learn(self, headers: Mapping[str, str], age: float) -> None:
        """Take over what a reply's headers say of limits (x-ratelimit-*, anthropic-ratelimit-*). `age`: seconds since
        its request was sent. A limit is taken as one a minute; where it is a day's, 429 and Retry-After tell."""
        told = {name: value for name, value in headers.items() if "ratelimit" in name}
        if not told:
            return
        now = self._clock()
        for name, kind in _LIMIT.items():
            if (limit := _number(told.get(name))) is None or limit <= 0:
                continue
            limit = min(limit, self._given.get(kind, limit))
            if kind not in self._buckets:
                self._buckets[kind] = Bucket(limit, now)
            self._buckets[kind].set_rate(limit)
        for name, kind in _REMAINING.items():
            if kind in self._buckets and (remaining := _number(told.get(name))) is not None:
                self._buckets[kind].at_most(max(0.0, remaining), age, now)


def _number(text: str | None) -> float | None:
    try:
        number = math.nan if text is None else float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
