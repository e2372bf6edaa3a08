"""Bins of a round width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

_BINS = 24
_TAIL = 0.99


def histogram(values: Sequence[int], *, whole: bool = False) -> dict[str, Any] | None:
    """Counts of non-negative whole numbers (a list, or an array of millions) in equal bins of a round width (1, 2, 5,
    10, …), from 0 on, or from the lowest with `whole`, which prefers a bin for each number. The hundredth part with the
    largest values goes to the last bin where it would stretch the axis (`open` says so). None where there is nothing to
    count.
    """
    if not values:
        return None
    ordered: Any = np.sort(np.asarray(values))  # as Python's numbers they would take five times as much
    most, typical = int(ordered[-1]), int(ordered[min(len(ordered) - 1, int(_TAIL * len(ordered)))])
    top = most if most <= 1.5 * typical or (whole and most < 2 * _BINS) else typical
    low = int(ordered[0]) if whole and top - int(ordered[0]) < 2 * _BINS else 0
    width = 1 if whole and top - low < 2 * _BINS else _round_up((top - low + 1) / _BINS)
    bins = (top - low) // width + 1
    edges = np.asarray([low + width * number for number in range(1, bins)], ordered.dtype)  # of another type: a copy
    ends = np.searchsorted(ordered, edges).tolist()  # the last bin is open
    counts = [end - start for start, end in pairwise([0, *ends, len(ordered)])]
    middle = len(ordered) // 2
    median: float = int(ordered[middle])
    if len(ordered) % 2 == 0:
        median = (int(ordered[middle - 1]) + median) / 2
    return {
        "low": low,
        "width": width,
        "counts": counts,
        "open": most >= low + width * len(counts),
        "median": median,
        "mean": int(ordered.sum()) / len(ordered),
        "most": most,
    }


def _round_up(width: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50, …"""
    power = 10 ** math.floor(math.log10(max(width, 1)))
    return int(next(step * power for step in (1, 2, 5, 10) if step * power >= width))
