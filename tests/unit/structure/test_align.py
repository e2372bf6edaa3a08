"""Alignment and score: equal to the paper's algorithm, honest about what is not known."""

from __future__ import annotations

import random

import pytest

from rlkd_data.schema import Step
from rlkd_data.structure.align import Alignment, PairKey, align, needed
from rlkd_data.structure.names import PARTS
from rlkd_data.structure.score import Best, best, score


def steps(count: int) -> tuple[Step, ...]:
    return tuple(Step(i, f"m{i}", f"q{i}", f"a{i}") for i in range(1, count + 1))


def paper(n_teacher: int, n_student: int, match: dict[tuple[int, str], bool]) -> float:
    """The design's section 1.4, word by word: kept apart from the code that it judges."""
    total = 0.0
    for i in range(1, min(n_teacher, n_student) + 1):
        if not match[i, "meta"]:
            break
        one = 1.0
        if not match[i, "sub_problem"]:
            one = one * 0.5
        if not match[i, "answer"]:
            one = one * 0.5
        total = total + one
    return total


def test_scores_are_the_papers_over_random_cases() -> None:
    rng = random.Random(20250516)
    for _ in range(5000):
        n_teacher, n_student = rng.randint(1, 12), rng.randint(0, 12)
        likely = rng.random()
        match = {(i, part): rng.random() < likely for i in range(1, 13) for part in PARTS}
        verdicts = {PairKey(i, part): value for (i, part), value in match.items()}
        alignment = align(steps(n_teacher), steps(n_student), verdicts)
        expected = paper(n_teacher, n_student, match)
        assert score(alignment, "sum") == expected
        assert score(alignment) == expected / n_teacher


def test_asking_window_by_window_ends_in_the_same_score_with_no_more_questions_than_needed() -> None:
    rng = random.Random(7)
    for _ in range(1000):
        n, lookahead = rng.randint(1, 8), rng.randint(1, 4)
        truth = {PairKey(i, part): rng.random() < 0.7 for i in range(1, 9) for part in PARTS}
        known: dict[PairKey, bool | None] = {}
        while asked := list(needed(n, known, lookahead)):
            assert not known.keys() & set(asked)
            known.update((key, truth[key]) for key in asked)
        full = align(steps(n), steps(n), truth)
        assert align(steps(n), steps(n), known) == full
        if lookahead == 1 and full.gate_at is not None:
            assert all(key.index <= full.gate_at for key in known)
            assert PairKey(full.gate_at, "answer") not in known


def test_the_gate_closes_for_all_later_steps() -> None:
    verdicts = {PairKey(i, part): True for i in range(1, 5) for part in PARTS} | {PairKey(2, "meta"): False}
    alignment = align(steps(4), steps(4), verdicts)
    assert [s.score for s in alignment.steps] == [1.0, 0.0, 0.0, 0.0]
    assert alignment.gate_at == 2


def test_a_missing_verdict_is_no_zero_but_one_behind_the_gate_is_not_needed() -> None:
    verdicts: dict[PairKey, bool | None] = {PairKey(i, part): True for i in range(1, 4) for part in PARTS}
    outage = align(steps(3), steps(3), verdicts | {PairKey(2, "answer"): None})
    assert outage.unscored == PairKey(2, "answer")
    assert score(outage) is None
    gated = align(steps(3), steps(3), verdicts | {PairKey(1, "meta"): False, PairKey(2, "answer"): None})
    assert gated.unscored is None
    assert score(gated) == 0.0


def test_a_student_without_steps_scores_zero_and_a_teacher_without_steps_cannot_score() -> None:
    assert score(align(steps(3), (), {})) == 0.0
    with pytest.raises(ValueError, match="without steps"):
        score(align((), steps(3), {}))


def whole(n_teacher: int, matched: int) -> Alignment:
    verdicts = {PairKey(i, part): i <= matched for i in range(1, n_teacher + 1) for part in PARTS}
    return align(steps(n_teacher), steps(n_teacher), verdicts)


def test_the_best_teacher_wins_by_name_and_an_unknown_one_is_no_loss() -> None:
    assert best({"a": whole(4, 1), "b": whole(4, 3), "c": whole(4, 3)}) == Best(0.75, "b")
    assert best({"a": whole(4, 4), "b": align(steps(2), steps(2), {})}) is None
    assert best({}) is None
