"""Figures over training, from the evaluations on the way; and comparisons of arms.

They are made by `rlkd_train`, which this package does not know: whatever their files hold is read as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rlkd_data.report.folders import COMPARISON, EVALUATIONS, Folder

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


def curves(runs: Iterable[Folder]) -> list[Row]:
    """For each run that was evaluated on the way its points by figure: [step, value, low, high], the bounds null where
    they are not known."""
    found = []
    for run in runs:
        points: dict[str, list[list[float | None]]] = {}
        for line in read_evaluations(run.path):
            intervals = line.get("intervals")
            for figure, value in line.items():
                if figure != "step" and _is_number(value):
                    told = intervals.get(figure) if isinstance(intervals, dict) else None
                    ends = [told.get(end) if isinstance(told, dict) else None for end in ("low", "high")]
                    bounds = [end if _is_number(end) else None for end in ends]
                    points.setdefault(figure, []).append([line["step"], value, *bounds])
        if points:
            found.append({"name": run.path.name, "stage": run.stage, "points": points})
    return found


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
    return isinstance(value, (int, float)) and not isinstance(value, bool)
