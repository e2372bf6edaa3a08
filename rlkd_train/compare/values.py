"""The figures of one evaluation, problem by problem."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlkd_data.errors import InputError
from rlkd_data.run.identity import read_stage
from rlkd_data.tables import is_table, read_table
from rlkd_train.evaluate.metrics import mean, pass_at_k
from rlkd_train.evaluate.samples import SAMPLES

EVALUATIONS = "evaluations"
"""The folder of a training run that holds its evaluations on the way."""
_COLUMNS = ("problem_id", "model", "sampling", "is_correct", "verification", "completion_tokens", "truncated")
_STRUCTURE = ("structure", "n_steps", "abandoned")
Row = dict[str, Any]


@dataclass(frozen=True)
class Evaluated:
    """An evaluation as it is compared: its figures by name, each by problem; `k` samples a problem at least."""

    folder: Path
    model: str
    k: int
    sampling: Row
    figures: dict[str, dict[str, float]]


def read(folder: Path) -> Evaluated:
    """The evaluation in a folder; of a training run, its last one on the way. Raises InputError for another folder, and
    for an evaluation that is not finished."""
    place = _last(folder) if (folder / EVALUATIONS).is_dir() else folder
    if not is_table(place):
        raise InputError(f"{folder} holds no evaluation: give a folder that `rlkd-train eval` wrote, or a training run")
    made_by = read_stage(place) or {}
    if made_by.get("stage") == "eval" and made_by.get("status") != "done":
        raise InputError(f"{folder} is not finished: run its `rlkd-train eval` again, which goes on where it was")
    groups: dict[str, list[Row]] = {}
    for batch in read_table(place, SAMPLES, [*_COLUMNS, *_STRUCTURE]):
        for row in batch.to_pylist():
            groups.setdefault(row["problem_id"], []).append(row)
    first = next(iter(groups.values()))[0]
    sampling = {name: first["sampling"].get(name) for name in ("temperature", "top_p", "max_tokens")}
    return Evaluated(place, first["model"], min(map(len, groups.values())), sampling, _figures(groups))


def _last(run: Path) -> Path:
    steps = [path for path in (run / EVALUATIONS).glob("step-*") if path.name[5:].isdigit() and is_table(path)]
    if not steps:
        raise InputError(f"{run} has no evaluation yet: its {EVALUATIONS}/ holds no table")
    return max(steps, key=lambda path: int(path.name[5:]))


def _figures(groups: dict[str, list[Row]]) -> dict[str, dict[str, float]]:
    k = min(map(len, groups.values()))
    wanted: dict[str, Callable[[list[Row]], float | None]] = {"pass@1": _right}
    if k > 1:
        wanted[f"pass@{k}"] = lambda rows: _pass_at(rows, k)
    wanted["completion tokens"] = lambda rows: _mean([row["completion_tokens"] for row in rows])
    wanted["truncated"] = lambda rows: _mean([row["truncated"] for row in rows])
    for name, label in (("structure", "structure"), ("n_steps", "steps"), ("abandoned", "abandoned steps")):
        wanted[label] = lambda rows, name=name: _mean([row[name] for row in rows if row[name] is not None])  # type: ignore[misc]
    found: dict[str, dict[str, float]] = {}
    for label, figure in wanted.items():
        values = {name: value for name, rows in groups.items() if (value := figure(rows)) is not None}
        if values:
            found[label] = values
    return found


def _right(rows: list[Row]) -> float | None:
    return _mean([row["is_correct"] for row in rows if row["is_correct"] is not None])


def _pass_at(rows: list[Row], k: int) -> float | None:
    judged = [row["is_correct"] for row in rows if row["is_correct"] is not None]
    return pass_at_k(len(judged), sum(judged), k) if len(judged) >= k else None


def _mean(values: Sequence[float]) -> float | None:
    return mean([float(value) for value in values])
