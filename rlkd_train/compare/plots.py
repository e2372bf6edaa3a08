"""A comparison's plots as SVG and PNG, made without a browser (Vega-Altair, and vl-convert's own renderer)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlkd_data.files import whole_file, write_whole
from rlkd_train.compare.run import Comparison

COLOURS = ("#2d56c0", "#a94b0b", "#1c7046", "#8437a6", "#ad2a52", "#0d6b80", "#776000", "#5a48c4")
"""Those of the report's page, in its order."""
_LARGEST = 2.0
"""Pixels of the PNG for one of the SVG."""


def draw(found: Comparison, out: Path, name: str = "compare") -> list[str]:
    """Write NAME.svg and NAME.png: every figure's arms as dots with their intervals, and their differences from the
    baseline with a rule at 0. Returns the files' names."""
    import altair as alt

    order = [arm.name for arm in found.arms]
    rows = [
        {"figure": one.figure, "arm": one.arm, "value": one.value, "low": one.low, "high": one.high}
        for one in found.measured
    ]
    apart = [
        {"figure": one.figure, "arm": one.arm, "value": one.difference, "low": one.low, "high": one.high}
        for one in found.differences
    ]
    chart = alt.hconcat(
        _column(rows, order, order, "with intervals"),
        _column(apart, order, [name for name in order if name != found.baseline], f"less {found.baseline}", zero=True),
    )
    return save(chart, out, name)


def save(chart: Any, out: Path, name: str) -> list[str]:
    """Write a chart as NAME.svg and NAME.png; returns their names."""
    import vl_convert

    spec = (
        chart.configure_view(stroke="#d1d9e0").configure_axis(gridColor="#e7ebef", titleFontWeight="normal").to_json()
    )
    svg = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    write_whole(out / f"{name}.svg", svg)
    with whole_file(out / f"{name}.png") as stream:
        stream.write(vl_convert.vegalite_to_png(spec, scale=_LARGEST, allowed_base_urls=[]))
    return [f"{name}.svg", f"{name}.png"]


def _column(rows: list[dict[str, Any]], order: list[str], arms: list[str], what: str, zero: bool = False) -> Any:
    import altair as alt
    import polars

    panels = []
    colour = coloured(order)
    for figure in dict.fromkeys(row["figure"] for row in rows):
        of = polars.DataFrame([row for row in rows if row["figure"] == figure])
        y = alt.Y("arm:N", sort=arms, title=None)
        x = alt.X("low:Q", title=None, scale=alt.Scale(zero=False, nice=True))
        lines = alt.Chart(of).mark_rule(strokeWidth=3, opacity=0.45).encode(y=y, x=x, x2="high:Q", color=colour)
        dots = alt.Chart(of).mark_circle(size=90, opacity=1).encode(y=y, x="value:Q", color=colour)
        marks = [lines, dots]
        if zero:
            at = polars.DataFrame([{"at": 0}])
            marks.insert(0, alt.Chart(at).mark_rule(color="#59636e", strokeDash=[4, 3]).encode(x="at:Q"))
        panels.append(alt.layer(*marks).properties(width=300, height=28 * len(arms), title=f"{figure}, {what}"))
    return alt.vconcat(*panels)


def coloured(order: list[str], *, legend: bool = False) -> Any:
    """A colour for each arm, the same in every plot."""
    import altair as alt

    palette = [COLOURS[number % len(COLOURS)] for number in range(len(order))]
    told = alt.Legend(title=None, orient="bottom") if legend else None
    return alt.Color("arm:N", sort=order, scale=alt.Scale(domain=order, range=palette), legend=told)


def dashed(order: list[str]) -> Any:
    """Where there are more arms than colours, the lines of the later ones are dashed."""
    import altair as alt

    dashes = [[[1, 0], [6, 3], [2, 2]][number // len(COLOURS) % 3] for number in range(len(order))]
    return alt.StrokeDash("arm:N", sort=order, scale=alt.Scale(domain=order, range=dashes), legend=None)
