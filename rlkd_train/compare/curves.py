"""Figures over training, arms in one plot (RLKD, Figures 3 to 5), from the evaluations on the way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlkd_data.report.arms import Arm
from rlkd_data.report.over_seeds import Value, over_seeds
from rlkd_train.compare.plots import coloured, dashed, save
from rlkd_train.on_the_way.ledger import Line, read

SHOWN = ("pass@1", "completion tokens", "structure")
"""The paper's three."""


@dataclass(frozen=True, slots=True)
class Point:
    """An arm's figure at a step. Of one run `low` and `high` bound its interval over problems, where that is known; of
    several they are the lowest and the highest seed's value, and `value` is the seeds' mean."""

    arm: str
    figure: str
    step: int
    value: float
    low: float | None
    high: float | None


def points(arms: Sequence[Arm], figures: Sequence[str] = SHOWN) -> list[Point]:
    """The curves of the arms that were evaluated on the way, at the steps that all these runs of an arm have."""
    found: list[Point] = []
    for arm in arms:
        runs = [lines for path in arm.runs if (lines := read(path))]
        for figure in figures:
            found += [Point(arm.name, figure, *one) for one in over_seeds([_values(lines, figure) for lines in runs])]
    return found


def _values(lines: Sequence[Line], figure: str) -> dict[int, Value]:
    found: dict[int, Value] = {}
    for line in lines:
        value, ends = line.get(figure), line.get("intervals", {}).get(figure, {})
        if isinstance(value, (int, float)) and math.isfinite(value):
            found[line["step"]] = (float(value), ends.get("low"), ends.get("high"))
    return found


def draw(found: Sequence[Point], out: Path, name: str = "curves") -> list[str]:
    """Write NAME.svg and NAME.png, a panel a figure; returns the files' names."""
    import altair as alt

    order = list(dict.fromkeys(one.arm for one in found))
    panels = [_panel([one for one in found if one.figure == figure], order) for figure in _figures(found)]
    return save(alt.hconcat(*panels), out, name)


def _figures(found: Sequence[Point]) -> list[str]:
    return list(dict.fromkeys(one.figure for one in found))


def _panel(found: Sequence[Point], order: list[str]) -> Any:
    import altair as alt
    import polars

    def frame(some: Sequence[Point]) -> Any:
        names = ("arm", "step", "value", "low", "high")
        return polars.DataFrame([{name: getattr(one, name) for name in names} for one in some])

    x, colour = alt.X("step:Q", title="step", axis=alt.Axis(tickMinStep=1)), coloured(order, legend=True)
    line = alt.Chart(frame(found)).mark_line(point=True)
    line = line.encode(x=x, y=alt.Y("value:Q", title=None), color=colour, strokeDash=dashed(order))
    known = [one for one in found if one.low is not None and one.high is not None]
    layers = [line]
    if known:
        area = alt.Chart(frame(known)).mark_area(opacity=0.15)
        layers.insert(0, area.encode(x=x, y=alt.Y("low:Q", title=None), y2="high:Q", color=colour))
    return alt.layer(*layers).properties(width=260, height=200, title=found[0].figure)
