"""When to ask again. Pure: the scheduler does the waiting."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST = 0.5
"""Seconds: the upper end of the first pause; it doubles with each try."""
LONGEST = 60.0


def pause(tries: int, retry_after: float | None, rng: random.Random) -> float:
    """Seconds to wait after try number `tries` (from 1) has failed.

    What the server asks for, and a little more so that not all come back at once; otherwise exponential backoff with
    equal jitter (Brooker, "Exponential Backoff And Jitter", 2015): half of each pause is sure, so that the eight tries
    that are usual outlast a minute, as full jitter may not.
    """
    if retry_after is not None:
        return max(0.0, retry_after) + rng.uniform(0.0, FIRST)
    top = min(LONGEST, FIRST * 2 ** (tries - 1))
    return rng.uniform(top / 2, top)


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that a server's headers ask to wait: `retry-after-ms`, or `Retry-After` as seconds or as a date."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) * scale
        except ValueError:
            pass
        else:
            if math.isfinite(seconds):
                return max(0.0, seconds)
            continue
        try:
            at = parsedate_to_datetime(value)
            ahead = (at.replace(tzinfo=at.tzinfo or UTC) - (now or datetime.now(UTC))).total_seconds()
        except (ValueError, OverflowError, TypeError):  # a year, or a zone, that no calendar has
            continue
        return max(0.0, ahead)
    return None
