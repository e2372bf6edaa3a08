"""The figures of one evaluation, problem by problem."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlkd_data.errors import InputError
from rlkd_data.records import from_record
from rlkd_data.run.identity import read_stage
from rlkd_data.tables import is_table, read_table
from rlkd_train.compare.how import how_made
from rlkd_train.evaluate.by_problem import by_problem, values
from rlkd_train.evaluate.samples import SAMPLES, Sample
from rlkd_train.on_the_way.ledger import FOLDER as EVALUATIONS
from rlkd_train.on_the_way.ledger import LINES
from rlkd_train.on_the_way.ledger import read as read_lines

_TEXTS = {"problem": "", "completion": ""}
_LEFT_OUT = {*_TEXTS, "steps", "verdicts"}
"""Columns that no figure is made of, and that memory may not hold for all samples."""
_SECONDARY = re.compile(r"avg@\d+|pass@1 at most|kind: .*|prefix")
_PASS = re.compile(r"pass@(\d+)")


@dataclass(frozen=True)
class Evaluated:
    """An evaluation as it is compared: its figures by name, each by problem; `k` samples a problem at least."""

    folder: Path
    model: str
    k: int
    sampling: dict[str, Any]
    figures: dict[str, dict[str, float]]
    step: int | None = None
    """Of an evaluation on the way: after which step it was."""
    how: dict[str, str] = field(default_factory=dict)
    """`how.how_made`; empty where no record is there."""

    @property
    def main(self) -> list[str]:
        """The figures that are compared unless others are asked for: those that say something of their own, and of
        pass@k the powers of two and the last."""
        return [name for name in self.figures if not _SECONDARY.fullmatch(name) and self._is_shown(name)]

    def _is_shown(self, name: str) -> bool:
        found = _PASS.fullmatch(name)
        k = int(found[1]) if found else 1
        return not k & (k - 1) or f"pass@{k + 1}" not in self.figures


def read(folder: Path) -> Evaluated:
    """The evaluation in a folder; of a training run, its last one on the way. Raises InputError for another folder, and
    for an evaluation that is not finished."""
    on_the_way = (folder / EVALUATIONS).is_dir()
    place = _last(folder) if on_the_way else folder
    if not is_table(place):
        raise InputError(f"{folder} holds no evaluation: give a folder that `rlkd-train eval` wrote, or a training run")
    made_by = read_stage(folder) or {}
    if made_by.get("stage") == "eval" and made_by.get("status") != "done":
        raise InputError(f"{folder} is not finished: run its `rlkd-train eval` again, which goes on where it was")
    columns = [name for name in SAMPLES.arrow.names if name not in _LEFT_OUT]
    samples: list[Sample] = [
        from_record(Sample, record | _TEXTS)
        for batch in read_table(place, SAMPLES, columns)
        for record in batch.to_pylist()
    ]
    if not samples:
        raise InputError(f"{place} holds no samples: evaluate again, with problems in --data")
    groups = by_problem(samples)
    first = samples[0]
    sampling = {name: getattr(first.sampling, name) for name in ("temperature", "top_p", "max_tokens")}
    return Evaluated(
        place,
        first.model,
        min(map(len, groups.values())),
        sampling,
        values(samples),
        int(place.name[5:]) if on_the_way else None,
        how_made(made_by.get("settings") or {}),
    )


def _last(run: Path) -> Path:
    steps = [path for path in (run / EVALUATIONS).glob("step-*") if path.name[5:].isdigit() and is_table(path)]
    if (run / LINES).exists():  # one without a line there was cut short
        whole = {line["step"] for line in read_lines(run)}
        steps = [path for path in steps if int(path.name[5:]) in whole]
    if not steps:
        raise InputError(f"{run} has no evaluation yet: its {EVALUATIONS}/ holds no table that was finished")
    return max(steps, key=lambda path: int(path.name[5:]))
