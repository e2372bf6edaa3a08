"""Figures over training, arms in one plot (RLKD, Figures 3 to 5), from the evaluations on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlkd_train.compare.arms import Arm
from rlkd_train.compare.plots import coloured, save
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
    """The curves of the arms whose runs were all evaluated on the way, at the steps that all runs of an arm have."""
    found: list[Point] = []
    for arm in arms:
        runs = [{line["step"]: line for line in read(path)} for path in arm.runs]
        steps = sorted(set(runs[0]).intersection(*runs[1:]))
        for figure in figures:
            for step in steps:
                lines = [run[step] for run in runs]
                if all(isinstance(line.get(figure), (int, float)) for line in lines):
                    found.append(_point(arm.name, figure, step, lines))
    return found


def _point(arm: str, figure: str, step: int, lines: Sequence[Line]) -> Point:
    values = [float(line[figure]) for line in lines]
    if len(values) > 1:
        return Point(arm, figure, step, sum(values) / len(values), min(values), max(values))
    ends = lines[0].get("intervals", {}).get(figure, {})
    return Point(arm, figure, step, values[0], ends.get("low"), ends.get("high"))


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
    line = alt.Chart(frame(found)).mark_line(point=True).encode(x=x, y=alt.Y("value:Q", title=None), color=colour)
    known = [one for one in found if one.low is not None and one.high is not None]
    layers = [line]
    if known:
        area = alt.Chart(frame(known)).mark_area(opacity=0.15)
        layers.insert(0, area.encode(x=x, y=alt.Y("low:Q", title=None), y2="high:Q", color=colour))
    return alt.layer(*layers).properties(width=260, height=200, title=found[0].figure)
