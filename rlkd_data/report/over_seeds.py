"""A curve over several training seeds: their mean, and a band from the lowest to the highest. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Value = tuple[float, float | None, float | None]
"""(value, low, high): the bounds of its interval, where they are known."""
Point = tuple[int, float, float | None, float | None]
"""(step, value, low, high)."""


def over_seeds(runs: Sequence[Mapping[int, Value]]) -> list[Point]:
    """The points of an arm from those of its runs, by step. Of one run they are its own; of several the mean, the
    lowest and the highest value at the steps that all of them have, so that a curve does not move as a run ends."""
    if not runs:
        return []
    steps = sorted(set(runs[0]).intersection(*runs[1:]))
    if len(runs) == 1:
        return [(step, *runs[0][step]) for step in steps]
    values = {step: [run[step][0] for run in runs] for step in steps}
    return [(step, sum(some) / len(some), min(some), max(some)) for step, some in values.items()]
