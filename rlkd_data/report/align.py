"""A completion's steps with the verdicts on each, as the page shows them beside the teacher's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rlkd_data.report.rows import cut
from rlkd_data.schema import Step
from rlkd_data.structure.align import PairKey, align
from rlkd_data.structure.as_json import PARTS as TEXTS
from rlkd_data.structure.names import PARTS

Row = dict[str, Any]
Verdicts = dict[PairKey, tuple[bool | None, str]]


def aligned(row: Row) -> Row:
    """Of a row of a run's completions: `teacher`, whose steps it is compared with, how many `teachers` it was judged
    against, the student's `steps` ([meta-reasoning, sub-problem, answer] each) and `parts`: for each step that was
    judged a verdict on the three of them, [match, how] or null where nobody asked, and the step's score.

    Of a completion without a score there is no best teacher: it is the one whose verdict did not come.
    """
    steps = row.get("steps") or ()
    by_teacher: dict[str, Verdicts] = {}
    for verdict in row.get("verdicts") or ():
        if verdict["part"] in PARTS and 1 <= verdict["step"] <= len(steps):
            found = by_teacher.setdefault(verdict["teacher"], {})
            found[PairKey(verdict["step"], verdict["part"])] = (verdict["match"], verdict["how"] or "")
    teacher = row.get("teacher") or _without_verdict(by_teacher)
    return {
        "teacher": teacher,
        "teachers": len(by_teacher),
        "steps": [[cut(step[name] or "")[0] for name in TEXTS] for step in steps],
        "parts": _parts(by_teacher.get(teacher or "", {})),
    }


def _without_verdict(by_teacher: Mapping[str, Verdicts]) -> str | None:
    lacking = (name for name, found in by_teacher.items() if any(match is None for match, _ in found.values()))
    return next(lacking, next(iter(by_teacher), None))


def _parts(found: Verdicts) -> list[list[Any]]:
    """[meta, sub-problem, answer, score] for each step up to the last one that was judged. The score is null from the
    verdict on that was needed and did not come."""
    judged: Sequence[Step] = [_NOTHING] * max((key.index for key in found), default=0)
    alignment = align(judged, judged, {key: match for key, (match, _) in found.items()})
    unknown = alignment.unscored.index if alignment.unscored else len(judged) + 1
    return [
        [*(found.get(PairKey(step.index, part)) for part in PARTS), step.score if step.index < unknown else None]
        for step in alignment.steps
    ]


_NOTHING = Step(0, "", "", "")
"""Stands for a step whose texts do not matter: how many there are does."""
