"""How many requests may be in flight: additive increase, multiplicative decrease. Pure.

A round is a window's worth of finished tries, about one round trip. A round without congestion lets one request more
in (before the first congestion twice as many, as TCP's slow start); a round with some is answered in proportion: if
all were turned away the window is halved, if one in twenty was, it shrinks by a fortieth (DCTCP: Alizadeh et al.,
SIGCOMM 2010). Halving at every single 429 would let stray ones bring a run to a crawl.
"""

from __future__ import annotations

_START = 32


def first_window(cap: int) -> int:
    """The window to begin with: half of what is allowed, but not below what any provider takes at once."""
    return min(cap, max(_START, cap // 2))


class Aimd:
    """A window between 1 and `cap`, beginning at `start` (default: all). `window`: how many may be in flight now."""

    def __init__(self, cap: int, start: int | None = None) -> None:
        self.cap = cap
        self._size = float(min(cap, start or cap))
        self._slow_start = True
        self._finished = self._congested = 0

    @property
    def window(self) -> int:
        return int(self._size)

    def finished(self, congested: bool) -> None:
        """A try ended: `congested` where the server turned it away for its load, or let it time out."""
        self._finished += 1
        self._congested += congested
        if not self._congested:
            self._size = min(float(self.cap), self._size + (1.0 if self._slow_start else 1.0 / self._size))
        elif self._finished >= self.window:
            self._size = max(1.0, self._size * (1.0 - self._congested / self._finished / 2.0))
            self._slow_start = False
            self._finished = self._congested = 0
            return
        if self._finished >= self.window:
            self._finished = self._congested = 0
