"""What a pipeline's run came to, for the person who started it: where things are, counts, rewards, before and after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from rlkd_data.run.pipeline import Pipeline, StageOutcome


def print_summary(pipeline: Pipeline, outcomes: Sequence[StageOutcome]) -> None:
    """Print the summary to standard output. What a stage measured is in its `figures`; those that hold `first` and
    `last` mappings are shown as a change over training, and two or more stages of one kind with equal figures side by
    side."""
    console = Console(highlight=False, soft_wrap=True)
    console.print()
    console.print(_counts(pipeline, outcomes))
    for outcome in outcomes:
        figures = outcome.result.figures
        if isinstance(figures.get("first"), Mapping) and isinstance(figures.get("last"), Mapping):
            console.print(_change(outcome))
    for table in _compared(outcomes):
        console.print(table)
    console.print("[bold]Where things are[/]")
    for outcome in outcomes:
        console.print(f"  {outcome.stage.name:<16} {outcome.stage.out}", markup=False)
    for outcome in outcomes:
        if page := outcome.result.figures.get("page"):
            console.print(f"  open in a browser: {page}", markup=False)
    if pipeline.closing:
        console.print(f"\n{pipeline.closing}", markup=False)


def _counts(pipeline: Pipeline, outcomes: Iterable[StageOutcome]) -> Table:
    table = Table(title=pipeline.name, title_justify="left", title_style="bold")
    table.add_column("stage")
    table.add_column("ok", justify="right")
    table.add_column("rejected, by reason")
    table.add_column("time", justify="right")
    for outcome in outcomes:
        counts = dict(outcome.result.counts)
        ok = counts.pop("ok", None)
        rest = ", ".join(f"{name.removeprefix('rejected:')} {count:,}" for name, count in counts.items())
        time = f"{outcome.seconds:.1f} s" if outcome.ran else "done before"
        table.add_row(outcome.stage.name, "" if ok is None else f"{ok:,}", rest, time)
    return table


def _change(outcome: StageOutcome) -> Table:
    figures = outcome.result.figures
    table = Table(title=f"{outcome.stage.name}: first and last step", title_justify="left", title_style="bold")
    table.add_column("")
    table.add_column("first", justify="right")
    table.add_column("last", justify="right")
    for name, first in figures["first"].items():
        table.add_row(name, _shown(first), _shown(figures["last"].get(name)))
    return table


def _compared(outcomes: Sequence[StageOutcome]) -> Iterable[Table]:
    by_kind: dict[str, list[StageOutcome]] = {}
    for outcome in outcomes:
        by_kind.setdefault(outcome.stage.spec.name, []).append(outcome)
    for kind, group in by_kind.items():
        names = [
            name
            for name, value in group[0].result.figures.items()
            if isinstance(value, (int, float)) and all(name in o.result.figures for o in group)
        ]
        if len(group) < 2 or not names:
            continue
        table = Table(title=f"{kind}, side by side", title_justify="left", title_style="bold")
        table.add_column("")
        for outcome in group:
            table.add_column(outcome.stage.name, justify="right")
        for name in names:
            table.add_row(name, *(_shown(o.result.figures[name]) for o in group))
        yield table


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
