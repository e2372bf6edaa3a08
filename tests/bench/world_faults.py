"""Where students' completions first go wrong in the world, by arm: `python -m tests.bench.world_faults NAME=RUN,RUN …`.

Runs are folders of `rlkd-train eval` on problems of `collect world`; a name's runs are its seeds. Printed are shares of
all completions in percent, the mean over the runs and their range. No model and nobody else is asked: each step is held
against its problem's text.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import polars as pl

from rlkd_data.world.check import Again, Fault, again, first_fault, stated


def shares(run: Path) -> dict[str, float]:
    """Of a run's completions, how many go wrong first in each way, and how many work a thing out again, in percent."""
    rows = pl.read_parquet(run / "*.parquet", columns=["problem", "completion", "is_correct"])
    counts: Counter[str] = Counter()
    for text, completion, right in rows.iter_rows():
        problem = stated(text)
        fault, repeats = first_fault(problem, completion), again(problem, completion)
        counts.update([fault, f"again: {repeats}"])
        counts["right"] += bool(right)
        counts["right after a fault"] += bool(right) and fault != "none"
    return {name: 100 * count / rows.height for name, count in counts.items()}


def table(arms: Iterable[tuple[str, list[Path]]]) -> str:
    """Markdown: a row each for what was counted, a column for each arm."""
    seen = [(name, [shares(run) for run in runs]) for name, runs in arms]
    names = ["right", *get_args(Fault), "right after a fault", *(f"again: {one}" for one in get_args(Again))]
    lines = ["| | " + " | ".join(name for name, _ in seen) + " |", "| --- |" + " ---: |" * len(seen)]
    lines += [
        f"| {name} | " + " | ".join(_told([one.get(name, 0.0) for one in runs]) for _, runs in seen) + " |"
        for name in names
    ]
    return "\n".join(lines)


def _told(values: list[float]) -> str:
    mean = sum(values) / len(values)
    return f"{mean:.1f}" if len(values) == 1 else f"{mean:.1f} ({min(values):.1f}–{max(values):.1f})"


if __name__ == "__main__":
    given = [one.partition("=") for one in sys.argv[1:]]
    if given:
        print(table((name, [Path(run) for run in runs.split(",")]) for name, _, runs in given))
    else:  # as in `make bench`
        print("name runs of evaluations in the world: python -m tests.bench.world_faults NAME=RUN,RUN …")
