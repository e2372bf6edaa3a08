"""Training runs and evaluations: the curves, and what the student wrote.

They are made by `rlkd_train`, which this package does not know: whatever their files hold is read as it is, and
columns that are not there are left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rlkd_data.report.align import aligned
from rlkd_data.report.choose import Chooser
from rlkd_data.report.folders import COMPLETIONS, LOG, Folder
from rlkd_data.report.grouped import Group
from rlkd_data.report.over_seeds import Value, over_seeds
from rlkd_data.report.rows import cut
from rlkd_data.tables import is_table, read_foreign, shards

Row = dict[str, Any]
Numbers = dict[str, float]
MOST_POINTS = 2000
"""Points of a curve that the page holds; of a longer one, every n-th."""


def read_log(folder: Path) -> list[Numbers]:
    """The numbers that a trainer logged, a mapping a step, at most `MOST_POINTS` of them. A line that a kill cut short
    is left out."""
    return _thin(_whole_log(folder))


def _thin(lines: Sequence[Numbers]) -> list[Numbers]:
    return list(lines[:: -(-len(lines) // MOST_POINTS) or 1])


def _whole_log(folder: Path) -> list[Numbers]:
    path = folder / LOG
    if not path.exists():
        return []
    found = []
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                values = json.loads(line)
            except ValueError:
                continue
            if isinstance(values, dict) and _is_number(values.get("step")):
                found.append({name: value for name, value in values.items() if _is_number(value)})
    return found


def logged(groups: Iterable[Group]) -> list[Row]:
    """What the trainers of each arm logged: `log`, and of several seeds `low` and `high` beside it, line by line."""
    found = []
    for group in groups:
        logs = [log for folder in group.folders if (log := _whole_log(folder.path))]
        if not logs:
            continue
        lines: dict[str, Sequence[Numbers]] = {"log": logs[0]} if len(logs) == 1 else _over_seeds(logs)
        thin = {name: _thin(some) for name, some in lines.items()}
        found.append({"name": group.name, "stage": group.stage, "seeds": len(logs)} | thin)
    return found


def _over_seeds(logs: Sequence[Sequence[Numbers]]) -> dict[str, Sequence[Numbers]]:
    runs = [_by_name(log) for log in logs]
    lines: dict[str, dict[float, Numbers]] = {end: {} for end in ("log", "low", "high")}
    for name in dict.fromkeys(name for run in runs for name in run):
        for step, *values in over_seeds([run[name] for run in runs if name in run]):
            for end, value in zip(lines, values, strict=True):
                if value is not None:
                    lines[end].setdefault(step, {"step": step})[name] = value
    return {end: [some.get(step, {"step": step}) for step in sorted(lines["log"])] for end, some in lines.items()}


def _by_name(log: Sequence[Numbers]) -> dict[str, dict[int, Value]]:
    """A log's numbers by name and step, the last of a step that was done again."""
    found: dict[str, dict[int, Value]] = {}
    for line in log:
        for name, value in line.items():
            if name != "step" and math.isfinite(value):
                found.setdefault(name, {})[int(line["step"])] = (value, None, None)
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def completion_groups(runs: Iterable[Folder], most_rows: int, most_size: int) -> tuple[list[Row], int]:
    """The students' completions in groups, those of one problem at one step of one run together; a part of the groups
    where there are many, with some of every step. And how many completions there are in all."""
    folders = [folder for folder in runs if is_table(folder.path / COMPLETIONS)]
    chooser = Chooser(most_rows, most_size, each=1)
    total = 0
    for folder in folders:
        for row in _records(folder.path / COMPLETIONS):
            total += 1
            chooser.add(_group_name(folder, row), f"{folder.path.name} {row['step']}", _size(row))
    chosen = chooser.chosen()
    groups: dict[str, Row] = {}
    for folder in folders:
        for row in _records(folder.path / COMPLETIONS):
            name = _group_name(folder, row)
            if name in chosen:
                group = groups.setdefault(
                    name,
                    {
                        "run": folder.path.name,
                        "step": row["step"],
                        "problem_id": row["problem_id"],
                        "problem": row.get("problem") or "",
                        "completions": [],
                    },
                )
                group["completions"].append(_completion(row))
    return sorted(groups.values(), key=lambda group: (group["run"], group["step"])), total


def _group_name(folder: Folder, row: Row) -> str:
    return f"{folder.path.resolve()} {row['step']} {row['problem_id']}"


def _size(row: Row) -> int:
    """About how many characters of the page a completion takes, with its steps and their verdicts."""
    steps = sum(len(str(text or "")) for step in row.get("steps") or () for text in step.values())
    return len(row["completion"]) + steps + 24 * len(row.get("verdicts") or ())


def _completion(row: Row) -> Row:
    text, was_cut = cut(row["completion"])
    return {
        "text": text,
        "cut": was_cut,
        "rewards": {name: row[name] for name in ("structure", "accuracy", "format") if name in row},
        "unscored": row.get("unscored"),
        "n_steps": row.get("n_steps"),
        "gate_at": row.get("gate_at"),
        "verification": row.get("verification"),
        "guards": row.get("guards") or [],
        **aligned(row),
    }


def samples(groups: Iterable[Group], most_rows: int, most_size: int) -> tuple[list[Row], int]:
    """The problems of the evaluations with every arm's samples, a part of them where there are many; and how many
    samples there are in all."""
    arms = [(group, folder) for group in groups for folder in group.folders if is_table(folder.path)]
    chooser = Chooser(most_rows, most_size, each=0)
    total = 0
    for _, folder in arms:
        for row in _records(folder.path):
            total += 1
            chooser.add(row["problem_id"], "", _size(row))
    chosen = chooser.chosen()
    problems: dict[str, Row] = {}
    for group, folder in arms:
        for row in _records(folder.path):
            if row["problem_id"] in chosen:
                problem = problems.setdefault(
                    row["problem_id"],
                    {
                        "problem_id": row["problem_id"],
                        "problem": row["problem"],
                        "answer": row.get("answer"),
                        "samples": [],
                    },
                )
                problem["samples"].append(_sample(group, folder, row))
    return list(problems.values()), total


def _sample(group: Group, folder: Folder, row: Row) -> Row:
    text, was_cut = cut(row["completion"])
    return {
        "evaluation": group.name,
        "run": folder.name if len(group.folders) > 1 else None,
        "index": (row.get("sampling") or {}).get("sample_index"),
        "text": text,
        "cut": was_cut,
        "final_answer": row.get("final_answer"),
        "correct": row["is_correct"],
        "verification": row.get("verification"),
        "tokens": row.get("completion_tokens"),
        "truncated": row.get("truncated"),
        "structure": row.get("structure"),
        "unscored": row.get("unscored"),
        "n_steps": row.get("n_steps"),
        "gate_at": row.get("gate_at"),
        **aligned(row),
    }


def _records(folder: Path) -> Iterator[Row]:
    for shard in shards(folder):
        yield from read_foreign(shard)
