"""Where the reference's way to a score and ours part: the first cause, and the shares of a batch."""

from __future__ import annotations

import pytest

from rlkd_data.judges.base import Verdict
from rlkd_data.schema import Step
from rlkd_data.structure.align import PairKey
from rlkd_train.reward.scorer import PairVerdict, Structure
from tests.support.compare_ways import FAILED, FREE, JUDGE, STUDENT, TEACHER, UNSCORED, WORD, Ways
from tests.support.reference_pattern import Trail
from tests.support.reward_cases import Case
from tests.support.same_questions import UNREAD

STEPS = (Step(1, "plan", "ask", "say"),)
OTHER = (Step(1, "plan", "ask", "say else"),)
CASE = Case("p", "problem", "text", "text", (), "solution", STEPS)
META, ANSWER = PairKey(1, "meta"), PairKey(1, "answer")


def trail(score: float = 1.0, **changed: object) -> Trail:
    verdicts = {META: Verdict(True, "judge"), ANSWER: Verdict(True, "judge")}
    values = {"teacher": STEPS, "student": STEPS, "verdicts": verdicts} | changed
    return Trail(score=score, **values)  # type: ignore[arg-type]


def ours(
    score: float | None, answer: bool | None = True, how: str = "llm 0.900", steps: tuple[Step, ...] = STEPS
) -> Structure:
    verdicts = (PairVerdict("t", 1, "answer", answer, how), PairVerdict("t", 1, "meta", True, "equal"))
    return Structure(score, steps=steps, verdicts=verdicts)


@pytest.mark.parametrize(
    ("theirs", "structure", "cause"),
    [
        (trail(), ours(1.0), None),
        (trail(0.0, failed="ValueError"), ours(0.0), FAILED),
        (trail(), ours(None, None, "llm: timeout"), UNSCORED),
        (trail(teacher=OTHER, student=OTHER), ours(0.5, False), TEACHER),
        (trail(student=OTHER), ours(0.5, False), STUDENT),
        (trail(), ours(0.5, False, "number"), FREE),
        (trail(), ours(0.5, False, "llm 0.400"), JUDGE),
        (trail(0.5, verdicts={ANSWER: Verdict(None, UNREAD)}), ours(1.0), WORD),
    ],
)
def test_the_first_thing_that_differs_is_the_cause(theirs: Trail, structure: Structure, cause: str | None) -> None:
    assert Ways([CASE], [theirs], [structure]).cause(0) == cause


def test_the_table_counts_only_what_both_sides_have() -> None:
    trails = [trail(), trail(0.0, failed="ValueError", teacher=(), student=(), verdicts={}), trail(student=OTHER)]
    lines = dict(Ways([CASE] * 3, trails, [ours(0.5, False, "number"), ours(1.0), ours(1.0)]).lines())
    assert lines["scored by both"] == "2 of 3 (67%)"
    assert (lines["  mean of these, reference"], lines["  mean of these, ours"]) == ("1.0000", "0.7500")
    assert lines["same teacher steps, of those decomposed by both"] == "2 of 2 (100%)"
    assert lines["same student steps, of those decomposed by both"] == "1 of 2 (50%)"
    assert lines["same verdict, of pairs judged by both"] == "3 of 4 (75%)"
    assert lines["same verdict, where all steps are the same"] == "1 of 2 (50%)"
    assert lines["decided for free in ours"] == "4 of 6 (67%) (equal 3, number 1)"
    assert (lines[f"other score because: {FREE}"], lines[f"other score because: {FAILED}"]) == ("1", "1")


def test_without_any_pair_nothing_is_divided_by_nothing() -> None:
    lines = dict(Ways([], [], []).lines())
    assert (lines["scored by both"], lines["  mean of these, ours"]) == ("0 of 0", "-")
