"""What each folder that was given is: a table, a run, an evaluation, told by what it holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rlkd_data.errors import InputError
from rlkd_data.measure.score import PLACE as SCORE
from rlkd_data.run.identity import STAGE_FILE, read_stage
from rlkd_data.schema import BRANCHES, DECOMPOSITIONS, TRACES, TableSchema
from rlkd_data.tables import REJECTED, is_table, shards, stored_schema

Kind = Literal["traces", "decompositions", "branches", "run", "samples", "comparison", "other"]
LOG = "log.jsonl"
COMPLETIONS = "completions"
EVALUATIONS = "evaluations"
"""The folder in which a run keeps the samples of its evaluations on the way, and the name of its file of their
figures."""
COMPARISON = "compare.json"
_SAMPLE_COLUMNS = {"problem_id", "problem", "completion", "is_correct"}


@dataclass(frozen=True)
class Folder:
    """A folder, what it is, and the `stage.json` in it ({} where there is none)."""

    path: Path
    kind: Kind
    made_by: dict[str, Any]
    inside: str | None = None
    place: Literal["", "first", "last"] = ""
    """Which of its run's evaluations on the way it is."""

    @property
    def name(self) -> str:
        """What the page calls it: the folder's name, after that of the table it is `inside`, if it is."""
        return f"{self.inside}/{self.path.name}" if self.inside else self.path.name

    @property
    def stage(self) -> str:
        return str(self.made_by.get("stage") or self.kind)


def find(paths: Sequence[Path]) -> list[Folder]:
    """The folders of a report, in order, each once. A folder of stages, such as a pipeline's, stands for all of them,
    decompositions bring the scores that stand in their folder, and a run the first and the last of its evaluations on
    the way. Raises InputError for one that holds nothing of ours."""
    found: dict[Path, Folder] = {}
    for path in paths:
        for place in _expanded(path):
            kind = _kind(place)
            found.setdefault(place.resolve(), Folder(place, kind, read_stage(place) or {}))
            scores = place / SCORE
            if kind == "decompositions" and (scores / STAGE_FILE).exists():
                found.setdefault(scores.resolve(), Folder(scores, "other", read_stage(scores) or {}, place.name))
            for which, step in _on_the_way(place) if kind == "run" else ():
                found.setdefault(step.resolve(), Folder(step, "samples", _as_stage(step), place.name, which))
    return list(found.values())


def _expanded(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        raise InputError(f"{path} is no folder: give the folder of a table or of a run")
    if _is_ours(path):
        yield path
        return
    stages = [child for child in path.iterdir() if child.is_dir() and _is_ours(child)]
    if not stages:
        raise InputError(f"{path} holds neither a table nor a run of rlkd: give a folder that a stage wrote")
    begun = {child: read_stage(child) or {} for child in stages}
    for child in sorted(stages, key=lambda child: (str(begun[child].get("started_at")), child.name)):
        if begun[child].get("stage") != "report":
            yield child


def _is_ours(path: Path) -> bool:
    return (path / STAGE_FILE).exists() or _kind(path) != "other"


def _on_the_way(run: Path) -> list[tuple[Literal["first", "last"], Path]]:
    steps = [path for path in (run / EVALUATIONS).glob("step-*") if path.name[5:].isdigit() and is_table(path)]
    steps.sort(key=lambda path: int(path.name[5:]))
    found: list[tuple[Literal["first", "last"], Path]] = [("first", step) for step in steps[:1]]
    return found + [("last", step) for step in steps[1:][-1:]]


def _as_stage(evaluation: Path) -> dict[str, Any]:
    """What `stage.json` would say of an evaluation on the way."""
    try:
        figures = json.loads((evaluation / "figures.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        figures = {}
    told = {name: value for name, value in figures.items() if name != "intervals"} if isinstance(figures, dict) else {}
    return {"stage": "eval", "status": "done", "result": {"figures": told}}


def _kind(path: Path) -> Kind:
    if (path / COMPARISON).exists():
        return "comparison"
    return "run" if (path / LOG).exists() or is_table(path / COMPLETIONS) else _kind_of_table(path)


def _kind_of_table(path: Path) -> Kind:
    for place in (path, path / REJECTED):
        if is_table(place):
            names = set(stored_schema(shards(place)[0]).names)
            if _is(DECOMPOSITIONS, names):
                return "decompositions"
            if _is(TRACES, names):
                return "traces"
            if _is(BRANCHES, names):
                return "branches"
            if names >= _SAMPLE_COLUMNS:
                return "samples"
    return "other"


def _is(schema: TableSchema, names: set[str]) -> bool:
    """Whether these are the columns of such a table; nullable ones may be missing, as they are in an older table."""
    return names >= {field.name for field in schema.arrow if not field.nullable}
