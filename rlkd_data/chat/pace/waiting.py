"""How long a run may wait for a server, and what is said of it."""

from __future__ import annotations

from datetime import datetime, timedelta

from rlkd_data.chat.types import ComeBack, Retryable
from rlkd_data.run.progress import say

_TOLD_FROM = 60.0
_SAME = 5.0
"""Seconds: two ends of a wait that lie nearer are one."""
_FAR = timedelta(days=3650)


class Waits:
    """What a server asks to wait for. `longest` is in seconds; the clock is the caller's."""

    def __init__(self, longest: float) -> None:
        self.longest = longest
        self._told_until = float("-inf")

    def note(self, failure: Retryable, now: float) -> None:
        """Say a long wait, once, with the time when it ends. Raises ComeBack for one that is too long."""
        seconds = failure.retry_after
        if seconds is None:
            return
        if seconds > self.longest:
            raise ComeBack(
                f"{failure} – it asks to wait until {ends(seconds)}, longer than the {_span(self.longest)} of "
                "--longest-wait; what was answered is kept: run the same command then",
                reason=failure.reason,
                retry_after=seconds,
            ) from None
        if seconds > _TOLD_FROM and now + seconds > self._told_until + _SAME:
            self._told_until = now + seconds
            say(f"{failure} – waiting until {ends(seconds)} ({_span(seconds)})")


def ends(seconds: float) -> str:
    """The local time at which a wait ends, with its day where that is another."""
    now = datetime.now().astimezone()
    end = now + min(timedelta(seconds=min(seconds, _FAR.total_seconds())), _FAR)
    return end.strftime("%H:%M:%S" if end.date() == now.date() else "%Y-%m-%d %H:%M:%S")


def _span(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} minutes"
