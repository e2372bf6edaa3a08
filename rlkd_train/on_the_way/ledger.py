"""What the evaluations of a run came to, a line each.

OUT/evaluations.jsonl       step, and every figure with its interval
OUT/evaluations/step-N/     the samples, as `rlkd-train eval` writes them
OUT/best/                   the weights at the best evaluation, where one is asked for
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlkd_data.errors import InputError
from rlkd_data.files import write_whole

LINES = "evaluations.jsonl"
FOLDER = "evaluations"
BEST = "best"
Line = dict[str, Any]
_STEP = re.compile(r"\.?step-(\d+)(?:\.sqlite.*)?")
_LOWEST = frozenset({"completion tokens", "median completion tokens", "truncated", "abandoned", "steps"})
"""Figures that are best where they are lowest."""


@dataclass(frozen=True)
class Choice:
    """`best` is the figure that the best weights are kept by; `patience`, how many evaluations in a row may be no
    better by more than `least_gain` before training ends."""

    best: str | None
    patience: int | None
    least_gain: float

    def better(self, value: float, before: float | None) -> bool:
        """Whether a value of the figure is better than the best before it."""
        if before is None:
            return True
        gain = before - value if self.best in _LOWEST else value - before
        return gain > self.least_gain

    def best_of(self, lines: Sequence[Line]) -> Line | None:
        """The line that is better than all before it; None where no line has the figure."""
        found: Line | None = None
        name = self.best or ""
        for line in lines:
            value = line.get(name)
            if isinstance(value, (int, float)) and self.better(value, found[name] if found else None):
                found = line
        return found

    def ends(self, lines: Sequence[Line]) -> bool:
        """Whether nothing has come of the last evaluations."""
        found = self.best_of(lines)
        if self.patience is None or found is None:
            return False
        return len(lines) - 1 - lines.index(found) >= self.patience


def read(out: Path) -> list[Line]:
    """The lines of a run, in order of their steps; one that a kill cut short is left out."""
    path = out / LINES
    found: dict[int, Line] = {}
    for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            line = json.loads(text)
            found[int(line["step"])] = line
        except (ValueError, KeyError, TypeError):
            continue
    return [found[step] for step in sorted(found)]


def write(out: Path, lines: Sequence[Line]) -> None:
    """Put the lines in place of those that are there."""
    write_whole(out / LINES, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def drop_after(out: Path, step: int) -> list[Line]:
    """Leave out what a run that goes on from this step has not come to yet; the lines that stay. Samples without a line
    are those of an evaluation that was killed: they go as well."""
    kept = [line for line in read(out) if line["step"] <= step]
    steps = {line["step"] for line in kept}
    for path in (out / FOLDER).glob("*step-*") if (out / FOLDER).is_dir() else ():
        found = _STEP.fullmatch(path.name)
        if found is None or int(found[1]) in {*steps, step}:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:  # the replies of an evaluation that was killed
            path.unlink()
    if (out / LINES).exists():
        write(out, kept)
    return kept


def line_of(step: int, figures: Mapping[str, Any], wanted: Sequence[str]) -> Line:
    """The line of an evaluation: its figures that are numbers, with `intervals`. Raises InputError for a figure that is
    `wanted` and not there."""
    numbers = {
        name: value
        for name, value in figures.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
    for name in wanted:
        if name not in numbers:
            raise InputError(f"evaluation: there is no figure {name!r}: there are {', '.join(numbers)}")
    chosen = {name: value for name, value in numbers.items() if not wanted or name in wanted}
    told = figures.get("intervals") or {}
    intervals = {
        name: {end: one[end] for end in ("low", "high") if end in one} for name, one in told.items() if name in chosen
    }
    return {"step": step, **chosen, "intervals": intervals}
