"""Bins of a round width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

_BINS = 24
_TAIL = 0.99


def histogram(values: Sequence[int], *, whole: bool = False) -> dict[str, Any] | None:
    """Counts of non-negative whole numbers in equal bins of a round width (1, 2, 5, 10, …), from 0 on, or from the
    lowest with `whole`, which prefers a bin for each number. The hundredth part with the largest values goes to the
    last bin where it would stretch the axis (`open` says so). None where there is nothing to count.
    """
    if not values:
        return None
    ordered = sorted(values)
    most, typical = ordered[-1], ordered[min(len(ordered) - 1, int(_TAIL * len(ordered)))]
    top = most if most <= 1.5 * typical or (whole and most < 2 * _BINS) else typical
    low = ordered[0] if whole and top - ordered[0] < 2 * _BINS else 0
    width = 1 if whole and top - low < 2 * _BINS else _round_up((top - low + 1) / _BINS)
    counts = [0] * ((top - low) // width + 1)
    for value in ordered:
        counts[min((value - low) // width, len(counts) - 1)] += 1
    middle = len(ordered) // 2
    median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return {
        "low": low,
        "width": width,
        "counts": counts,
        "open": most >= low + width * len(counts),
        "median": median,
        "mean": sum(ordered) / len(ordered),
        "most": most,
    }


def _round_up(width: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50, …"""
    power = 10 ** math.floor(math.log10(max(width, 1)))
    return int(next(step * power for step in (1, 2, 5, 10) if step * power >= width))
