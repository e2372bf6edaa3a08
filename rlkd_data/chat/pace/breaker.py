"""A run in which nothing succeeds is ended, early and without a row of it: a fault of settings is no row's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from rlkd_data.chat.types import Failed, Hopeless, Misused, Rejected, Reply, Retryable

Key = TypeVar("Key")
_OWN = ("too_long", "content_filter")
"""Failures that are a prompt's own, however many there are."""
_SETTINGS = ("bad_request",)
_KNOCKING, _SILENT = 5.0, 90.0
"""Seconds of nothing but refused connections after which a server is taken for dead: before it has said anything, and
after."""


async def unless_fruitless(
    answers: AsyncGenerator[tuple[Key, Reply | Failed]], *, after: int, begun: bool = False
) -> AsyncGenerator[tuple[Key, Reply | Failed]]:
    """Answers as they come. Until one is a reply, failures are held back, and once `after` (0: never) of them are
    alike the run is ended: raises Misused where a setting is at fault, otherwise Hopeless. So it is at the end, where
    every request was refused for its settings. `begun`: an earlier run had replies, so each failure is its request's.
    """
    held: list[tuple[Key, Failed]] = []
    alike: Counter[tuple[type, str]] = Counter()
    met = begun or not after
    async with aclosing(answers):
        async for key, answer in answers:
            met = met or isinstance(answer, Reply)
            if isinstance(answer, Failed) and not met and answer.reason not in _OWN:
                held.append((key, answer))
                kind = (type(answer), answer.reason)
                alike[kind] += 1
                if alike[kind] >= after:
                    raise _ended(answer, f"the first {alike[kind]} requests failed alike, and none was answered")
                continue
            while met and held:
                yield held.pop(0)
            yield key, answer
    if held and all(isinstance(one, Rejected) and one.reason in _SETTINGS for _, one in held):
        raise _ended(held[-1][1], f"none of {len(held)} requests was answered" if len(held) > 1 else "")
    for pair in held:
        yield pair


def _ended(last: Failed, count: str) -> Hopeless:
    told = f"{count}; the last: {last}" if count else str(last)
    return (Misused if isinstance(last, Rejected) and last.reason in _SETTINGS else Hopeless)(told)


class Silence:
    """Whether a server has been heard, and since when not. The clock is the caller's."""

    def __init__(self) -> None:
        self._heard = False
        self._since: float | None = None

    def heard(self) -> None:
        self._heard, self._since = True, None

    def is_dead(self, failure: Retryable, now: float) -> bool:
        """Note a failure. Whether only connections have been refused for so long that nobody is there."""
        if failure.reason != "connection" or failure.paid:
            self.heard()
            return False
        self._since = now if self._since is None else self._since
        return now - self._since >= (_SILENT if self._heard else _KNOCKING)
