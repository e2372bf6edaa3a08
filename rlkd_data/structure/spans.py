"""What the places of the steps tell: the largest stretch of a trace that none accounts for, their order, two on one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from rapidfuzz import fuzz

from rlkd_data.schema import Step
from rlkd_data.structure.numbers import numbers

_SAME_PLACE = 0.8
"""Share of the shorter span that the other covers."""
_ALIKE = 85.0
_ORDERED_FROM = 3
"""Steps with a place from which their order can be told."""
_FOUND = 0.5


def longest_stretch(steps: Sequence[Step], length: int) -> float | None:
    """The longest stretch of a trace of `length` characters without a step's span, as a share of it; None for an empty
    trace. A stretch counts as divided among the steps in it whose place was not found, where that is known of most."""
    if not length:
        return None
    spans = [(step.span_start, step.span_end) for step in steps]
    found = [(low, high) for low, high in spans if low is not None and high is not None]
    divided = len(found) >= _FOUND * len(spans)
    edges = [(0, 0, 0), *((low, high, 0) for low, high in found), (length, length, 0)]
    lost = [0] * (len(found) + 1)
    at = 0
    for low, _ in spans:
        if low is None:
            lost[at] += 1
        else:
            at += 1
    in_order = all(one[0] <= after[0] for one, after in pairwise(found))
    longest = reached = 0.0
    for number, (low, high, _) in enumerate(sorted(edges)[1:]):
        share = lost[number] + 1 if divided and in_order and number < len(lost) else 1
        longest = max(longest, (low - reached) / share)
        reached = max(reached, high)
    return longest / length


def order(steps: Sequence[Step]) -> float | None:
    """Kendall's tau between the order of the steps and that of their places: 1 the same, -1 reversed; None where fewer
    than three have places of their own. (Kendall 1938; equal places count for neither.)"""
    starts = [step.span_start for step in steps if step.span_start is not None]
    if len(set(starts)) < _ORDERED_FROM:
        return None
    behind: list[int] = []
    rising = falling = 0
    for start in starts:
        below = bisect_left(behind, start)
        rising += below
        falling += len(behind) - _not_above(behind, start)
        behind.insert(below, start)
    return (rising - falling) / (rising + falling)


def _not_above(values: Sequence[int], start: int) -> int:
    low = bisect_left(values, start)
    while low < len(values) and values[low] == start:
        low += 1
    return low


def in_line(starts: Sequence[int | None]) -> list[bool]:
    """For each place whether it belongs to the longest run of places that rise."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int | None] = [None] * len(starts)
    for n, start in enumerate(starts):
        if start is None:
            continue
        at = bisect_left(tails, start + 1) if tails else 0
        before[n] = ends[at - 1] if at else None
        tails[at : at + 1] = [start]
        ends[at : at + 1] = [n]
    found = [False] * len(starts)
    last = ends[-1] if ends else None
    while last is not None:
        found[last] = True
        last = before[last]
    return found


def on_one_place(steps: Sequence[Step]) -> list[int]:
    """The numbers (from 0) of steps that stand on the place of an earlier one and say the same."""
    found: list[int] = []
    placed: list[tuple[int, int, str]] = []
    for number, step in enumerate(steps):
        if step.span_start is None or step.span_end is None:
            continue
        for low, high, said in placed[-12:]:
            shared = min(high, step.span_end) - max(low, step.span_start)
            shorter = min(high - low, step.span_end - step.span_start)
            alike = shared >= max(1.0, _SAME_PLACE * shorter) and fuzz.ratio(said, step.answer, score_cutoff=_ALIKE)
            if alike and numbers(said) == numbers(step.answer):
                found.append(number)
                break
        placed.append((step.span_start, step.span_end, step.answer))
    return found
