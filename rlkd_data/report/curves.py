"""Figures over training, from the evaluations on the way; and comparisons of arms.

They are made by `rlkd_train`, which this package does not know: whatever their files hold is read as it is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rlkd_data.report.folders import COMPARISON, EVALUATIONS, Folder
from rlkd_data.report.grouped import Group
from rlkd_data.report.over_seeds import Value, over_seeds

Row = dict[str, Any]


def read_evaluations(folder: Path) -> list[Row]:
    """The lines of a run's evaluations on the way, in order of their steps: numbers by figure, and `intervals`. A line
    that a kill cut short is left out."""
    path = folder / f"{EVALUATIONS}.jsonl"
    found: dict[int, Row] = {}
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and isinstance(line.get("step"), int):
            found[line["step"]] = line
    return [found[step] for step in sorted(found)]


def curves(groups: Iterable[Group]) -> list[Row]:
    """For each arm whose runs were evaluated on the way its points by figure: [step, value, low, high], the bounds null
    where they are not known; `seeds` are its runs that were. Where some of them went on longer than others, whose steps
    alone all have, `cut` says to which step the curve goes, and to which one the longest run."""
    found = []
    for group in groups:
        runs = [of_run for folder in group.folders if (of_run := _of_run(folder.path))]
        names = list(dict.fromkeys(figure for run in runs for figure in run))
        points = {figure: over_seeds([run.get(figure, {}) for run in runs]) for figure in names}
        if any(points.values()):
            told = {figure: some for figure, some in points.items() if some}
            reach = max(step for some in told.values() for step, *_ in some)
            longest = max(step for run in runs for some in run.values() for step in some)
            cut = {"cut": [reach, longest]} if longest > reach else {}
            found.append({"name": group.name, "stage": group.stage, "seeds": len(runs), "points": told} | cut)
    return found


def _of_run(run: Path) -> dict[str, dict[int, Value]]:
    """The figures of a run's evaluations on the way, each by step."""
    points: dict[str, dict[int, Value]] = {}
    for line in read_evaluations(run):
        intervals = line.get("intervals")
        for figure, value in line.items():
            if figure != "step" and _is_number(value):
                told = intervals.get(figure) if isinstance(intervals, dict) else None
                ends = [told.get(end) if isinstance(told, dict) else None for end in ("low", "high")]
                low, high = (end if _is_number(end) else None for end in ends)
                points.setdefault(figure, {})[line["step"]] = (value, low, high)
    return points


def comparisons(folders: Iterable[Folder]) -> list[Row]:
    """What `rlkd-train compare` wrote, by folder. A file that is no comparison is left out."""
    found = []
    for folder in folders:
        try:
            held = json.loads((folder.path / COMPARISON).read_text(encoding="utf-8", errors="replace"))
        except (OSError, ValueError):
            continue
        lists = ("arms", "measured", "differences", "notes")
        if isinstance(held, dict) and all(isinstance(held.get(name), list) for name in lists):
            found.append({"name": folder.path.name} | {name: held.get(name) for name in (*lists, "baseline", "level")})
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
