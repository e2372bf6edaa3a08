"""The problems that a student is trained or judged on, and what their teachers made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rlkd_data.errors import InputError
from rlkd_data.schema import DECOMPOSITIONS, TRACES, Decomposition, Domain
from rlkd_data.tables import read_rows

NAMED = 3
"""Missing problems that a message names."""


@dataclass(frozen=True, slots=True)
class Task:
    """A problem with its gold answer, where there is one."""

    problem_id: str
    problem: str
    answer: str | None
    domain: Domain


def load_tasks(tables: Sequence[Path], limit: int | None = None) -> list[Task]:
    """The distinct problems of traces tables, in their order. Raises TableError for a table that cannot be read."""
    found: dict[str, Task] = {}
    for folder in tables:
        for trace in read_rows(folder, TRACES):
            found.setdefault(trace.problem_id, Task(trace.problem_id, trace.problem, trace.answer, trace.domain))
    return list(islice(found.values(), limit))


def load_teachers(tables: Sequence[Path]) -> dict[str, list[Decomposition]]:
    """The usable decompositions of each problem: several, where several traces of it were decomposed."""
    found: dict[str, list[Decomposition]] = {}
    for folder in tables:
        for row in read_rows(folder, DECOMPOSITIONS):
            if row.status == "ok" and row.steps:
                found.setdefault(row.problem_id, []).append(row)
    return found


def load_reasonings(tables: Sequence[Path], teachers: Mapping[str, Sequence[Decomposition]]) -> dict[str, str]:
    """The text of the traces that the decompositions are of, by trace id."""
    wanted = {one.trace_id for found in teachers.values() for one in found}
    return {
        trace.trace_id: f"{trace.reasoning}\n{trace.response}"
        for folder in tables
        for trace in read_rows(folder, TRACES)
        if trace.trace_id in wanted
    }


def with_teachers(tasks: Sequence[Task], teachers: dict[str, list[Decomposition]], *, skip_missing: bool) -> list[Task]:
    """The tasks that can be scored for structure. Raises InputError naming those that cannot, unless they may be left
    out; and where none is left."""
    missing = [task for task in tasks if task.problem_id not in teachers]
    if missing and not skip_missing:
        named = ", ".join(task.problem_id[:12] for task in missing[:NAMED])
        raise InputError(
            f"{len(missing)} of {len(tasks)} problems have no decomposition of a teacher (problem_id {named}"
            f"{', …' if len(missing) > NAMED else ''}): decompose their traces, or set skip_missing: true"
        )
    kept = [task for task in tasks if task.problem_id in teachers]
    if not kept:
        raise InputError("no problem has a decomposition of a teacher: are these the tables of the same problems?")
    return kept
