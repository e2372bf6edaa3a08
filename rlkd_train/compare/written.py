"""A comparison as rows of text: for the terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rlkd_train.compare.paired import Difference
from rlkd_train.compare.run import Comparison, Measured

_SHARES = ("pass@", "cons@", "avg@", "truncated", "format", "abandoned")


@dataclass(frozen=True)
class Grid:
    """A table of texts: the first row is its head."""

    title: str
    rows: tuple[tuple[str, ...], ...]


def grids(found: Comparison) -> list[Grid]:
    """Arms × figures, and below it each arm's differences from the baseline."""
    names = [arm.name for arm in found.arms]
    by_place = {(one.figure, one.arm): one for one in found.measured}
    head = ("", *names)
    body = [(figure, *(_measured(by_place[figure, name]) for name in names)) for figure in found.figures]
    confidence = f"{100 * (1 - found.level):g} %"
    arms = Grid(f"Figures, with {confidence} intervals over problems", (head, *body))
    several = any(one.p_seeds is not None for one in found.differences)
    corrected = len(names) > 2
    columns = ["figure", "arm", "difference", confidence, "p (problems)"]
    columns += ["p (problems and seeds)"] if several else []
    columns += ["p (Holm)"] if corrected else []
    columns += ["problems + = −", "verdict"]
    rows = []
    for one in found.differences:
        cells = [one.figure, one.arm, signed(one.difference, one.figure), _between(one), chance(one.p)]
        cells += [chance(one.p_seeds) if one.p_seeds is not None else "one seed"] if several else []
        cells += [chance(one.p_family)] if corrected else []
        rows.append((*cells, f"{one.higher} {one.equal} {one.lower}", verdict(one)))
    return [arms, Grid(f"Difference from {found.baseline}, problem by problem", (tuple(columns), *rows))]


def verdict(one: Difference) -> str:
    """What may be said of a difference, in a word or two."""
    if one.told:
        return "higher" if one.difference > 0 else "lower"
    if one.higher == one.lower == 0:
        return "the same on every problem"
    if one.detectable is None:
        return f"not to be told from chance ({'one problem' if one.problems == 1 else f'{one.problems} problems'})"
    return f"not to be told from chance (would be from about {shown(one.detectable, one.figure)})"


def tests(found: Comparison) -> list[str]:
    """Which tests the p-values are of, and what noise there is."""
    lines = [f"{how}: {', '.join(names)}" for how, names in _by_test(found.differences).items()]
    pairs = ", pair by pair" if found.paired else ""
    for one in found.differences:
        if one.noise.seeds is not None:
            lines.append(
                f"{one.figure}, {one.arm}: standard error {shown(one.noise.problems, one.figure)} of problems and "
                f"samples, {shown(one.noise.seeds, one.figure)} of training seeds{pairs}"
            )
    return lines


def print_comparison(found: Comparison, console: Console) -> None:
    """Print the tables, and what there is to know beside them."""
    for grid in grids(found):
        head, *rows = grid.rows
        table = Table(title=Text(grid.title), title_justify="left", title_style="bold", box=None, pad_edge=False)
        for number, name in enumerate(head):
            table.add_column(Text(name), justify="left" if number == 0 or name in ("arm", "verdict") else "right")
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)
        console.print()
    for line in [*tests(found), *found.notes]:
        console.print(Text(f"- {line}"))


def markdown(found: Comparison, title: str, plots: Sequence[str] = ()) -> str:
    """The comparison as a Markdown page. `plots` are files beside it."""
    parts = [f"# {title}", ""]
    for arm in found.arms:
        runs = "a run" if len(arm.runs) == 1 else f"{len(arm.runs)} seeds"
        parts.append(f"- **{_cell(arm.name)}**: {', '.join(map(_cell, found.models[arm.name]))} ({runs})")
    for grid in grids(found):
        head, *rows = ([_cell(text) for text in row] for row in grid.rows)
        parts += ["", f"## {grid.title}", ""]
        parts.append(f"| {' | '.join(head)} |")
        parts.append("|" + " --- |" + " ---: |" * (len(head) - 1))
        parts += [f"| {' | '.join(row)} |" for row in rows]
    parts += ["", *(f"- {_cell(line)}" for line in [*tests(found), *found.notes])]
    parts += ["", *(f"![{name.rpartition('.')[0]}]({name})" for name in plots)]
    return "\n".join(parts).rstrip() + "\n"


def chance(p: float) -> str:
    """A p-value as it is read."""
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def shown(value: float, figure: str) -> str:
    """A figure's value: shares in percent."""
    if figure.startswith(_SHARES):
        return f"{100 * value:.1f} %"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}"


def signed(value: float, figure: str) -> str:
    return f"{'+' if value > 0 else '−' if value < 0 else '±'}{shown(abs(value), figure)}"


def _measured(one: Measured) -> str:
    seeds = f" (seeds ±{shown(one.seed_sd, one.figure)})" if one.seed_sd is not None else ""
    if one.low is None or one.high is None:
        return f"{shown(one.value, one.figure)}{seeds}"
    return f"{shown(one.value, one.figure)} [{shown(one.low, one.figure)}, {shown(one.high, one.figure)}]{seeds}"


def _between(one: Difference) -> str:
    if one.low is None or one.high is None:
        return "one problem"
    return f"[{signed(one.low, one.figure)}, {signed(one.high, one.figure)}]"


def _by_test(differences: Sequence[Difference]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in differences:
        if one.figure not in found.setdefault(one.test, []):
            found[one.test].append(one.figure)
    return found


def _cell(text: str) -> str:
    """A text that stays in its cell, and is text."""
    plain = " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|")
    return plain.replace("<", "&lt;").replace("*", "\\*").replace("`", "\\`").replace("[", "\\[").replace("_", "\\_")
