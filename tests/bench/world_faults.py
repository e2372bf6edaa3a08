"""Where students' completions first go wrong in the world, by arm: `python -m tests.bench.world_faults NAME=RUN,RUN …`.

Runs are folders of `rlkd-train eval` on problems of `collect world`; a name's runs are its seeds. Printed are shares of
all completions in percent, the mean over the runs and their range, and, where every name has as many runs, how the
others differ from the first name, seed by seed, with `compare --paired`'s intervals. No model and nobody else is asked:
each step is held against its problem's text.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import get_args

import polars as pl

from rlkd_data.world.check import Again, Fault, again, first_fault, stated
from rlkd_train.compare.paired import differences
from rlkd_train.compare.written import chance

NAMES = ["right", *get_args(Fault), "right after a fault", *(f"again: {one}" for one in get_args(Again))]
COMPARED = ["right", "none", "right after a fault"]

Shares = Mapping[str, Mapping[str, float]]
"""What was counted, and of each problem's completions the share of which it is true."""


def shares(run: Path) -> Shares:
    """Of a run's completions, which go wrong first in each way, and which work a thing out again."""
    rows = pl.read_parquet(run / "*.parquet", columns=["problem_id", "problem", "completion", "is_correct"])
    marks: dict[str, dict[str, list[bool]]] = {name: defaultdict(list) for name in NAMES}
    for number, text, completion, right in rows.iter_rows():
        problem = stated(text)
        fault, repeats = first_fault(problem, completion), f"again: {again(problem, completion)}"
        true = {fault, repeats} | ({"right"} if right else set())
        true |= {"right after a fault"} if right and fault != "none" else set()
        for name in NAMES:
            marks[name][number].append(name in true)
    return {name: {number: fmean(one) for number, one in found.items()} for name, found in marks.items()}


def table(arms: Mapping[str, Sequence[Shares]]) -> str:
    """Markdown: a row each for what was counted, a column for each arm."""
    lines = ["| | " + " | ".join(arms) + " |", "| --- |" + " ---: |" * len(arms)]
    for name in NAMES:
        told = (_told([100 * fmean(run[name].values()) for run in runs]) for runs in arms.values())
        lines.append(f"| {name} | " + " | ".join(told) + " |")
    return "\n".join(lines)


def compared(arms: Mapping[str, Sequence[Shares]]) -> list[str]:
    """A line for each difference from the first arm, in points. Every arm has as many runs, the n-th of one seed."""
    lines = []
    for name in COMPARED:
        runs = {arm: [run[name] for run in runs] for arm, runs in arms.items()}
        for one in differences(name, runs, next(iter(arms)), paired=True):
            reach = "" if one.low is None or one.high is None else f" [{100 * one.low:+.1f}, {100 * one.high:+.1f}]"
            points = f"{100 * one.difference:+.1f} points{reach}"
            told = f"{name}: {one.arm} - {one.baseline} {points}, p {chance(one.deciding)}"
            lines.append(told + (f" (Holm: {chance(one.p_family)})" if len(arms) > 2 else ""))
    return lines


def _told(values: Sequence[float]) -> str:
    mean = fmean(values)
    return f"{mean:.1f}" if len(values) == 1 else f"{mean:.1f} ({min(values):.1f}–{max(values):.1f})"


if __name__ == "__main__":
    given = {name: runs.split(",") for name, runs in (one.split("=", 1) for one in sys.argv[1:] if "=" in one)}
    if not given:  # as in `make bench`
        print("name runs of evaluations in the world: python -m tests.bench.world_faults NAME=RUN,RUN …")
        raise SystemExit
    found = {name: [shares(Path(run)) for run in runs] for name, runs in given.items()}
    print(table(found))
    if len(found) > 1 and len({len(runs) for runs in found.values()}) == 1:
        print(*["", *compared(found)], sep="\n")
