"""Steps matched in order: the best total, by blocks, against plain enumeration."""

from __future__ import annotations

import random
from functools import cache

import pytest

from rlkd_data.judges.blocks import blocks
from rlkd_data.schema import Step
from rlkd_data.structure.align import PairKey
from rlkd_data.structure.score import score
from rlkd_data.structure.sequence import Spans, in_sequence
from rlkd_data.structure.step_gate import align, needed


def best_total(n_teacher: int, n_student: int, credits: dict[Spans, float]) -> float:
    """Restated without the walk: what can be had from (i, j) on."""

    @cache
    def of(i: int, j: int) -> float:
        if i > n_teacher or j > n_student:
            return -1.0
        options = [0.0]
        if i < n_teacher:
            options.append(of(i + 1, j))
        if j < n_student:
            options.append(of(i, j + 1))
        for ((a, b), (c, d)), credit in credits.items():
            if (a, c) == (i, j):
                options.append(credit * (b - a + d - c) + of(b, d))
        return max(options)

    return of(0, 0)


def test_the_chosen_blocks_have_the_best_total_and_keep_the_order() -> None:
    rng = random.Random(17)
    for _ in range(400):
        n_teacher, n_student = rng.randint(1, 6), rng.randint(0, 6)
        credits: dict[Spans, float] = {}
        for i in range(n_teacher):
            for j in range(n_student):
                if rng.random() < 0.4:
                    credits[(i, i + 1), (j, j + 1)] = rng.choice([0.25, 0.5, 1.0])
                if rng.random() < 0.15 and i + 2 <= n_teacher:
                    credits[(i, i + 2), (j, j + 1)] = 1.0
                if rng.random() < 0.15 and j + 2 <= n_student:
                    credits[(i, i + 1), (j, j + 2)] = 1.0
        found = in_sequence(n_teacher, n_student, credits)
        assert sum(b.credit * b.steps for b in found.blocks) == pytest.approx(best_total(n_teacher, n_student, credits))
        for left, right in zip(found.blocks, found.blocks[1:], strict=False):
            assert left.teacher[1] <= right.teacher[0] and left.student[1] <= right.student[0]
        assert 0.0 <= found.f_score <= 1.0 and score(found) == found.f_score


def one(*pairs: tuple[int, int]) -> dict[Spans, float]:
    return {((i, i + 1), (j, j + 1)): 1.0 for i, j in pairs}


def test_what_is_superfluous_and_what_is_missing_costs_and_a_gate_cuts_off_what_follows_a_gap() -> None:
    assert in_sequence(4, 5, one((0, 1), (1, 2), (2, 3), (3, 4))).f_score == 8 / 9
    assert in_sequence(4, 2, one((0, 0), (1, 1))).f_score == 4 / 6
    assert in_sequence(2, 2, one((0, 1), (1, 0))).f_score == 0.5
    assert in_sequence(3, 0, {}).f_score == 0.0
    gated = in_sequence(3, 3, one((0, 0), (2, 2)), gate=True)
    assert (gated.gate_at, gated.f_score) == (2, 2 / 6)
    assert in_sequence(3, 4, one((0, 1), (1, 2), (2, 3)), gate=True).gate_at is None


def steps(*said: tuple[str, str]) -> list[Step]:
    return [Step(n, "m", *one) for n, one in enumerate(said, 1)]


TEACHER = steps(("How many eggs are left?", "16 - 3 - 4 = 9 eggs"), ("How much does she make?", "9 * 2 = $18"))
PROBLEM = "Ducks lay 16 eggs. She eats 3 and bakes 4, and sells the rest at $2."


@pytest.mark.parametrize(
    ("student", "found"),
    [
        (steps(("How much?", "16 - 3 - 4 = 9, and 9 * 2 = $18")), {((0, 2), (0, 1))}),
        (steps(("How much?", "9 * 2 = $18")), set()),  # the eggs are not worked out
        (steps(("a?", "16 - 3 = 13"), ("b?", "13 - 4 = 9")), {((0, 1), (0, 2))}),
        (steps(("a?", "There are 16 eggs"), ("b?", "16 - 3 - 4 = 9")), set()),  # 16 is given
        (steps(("a?", "16 - 3 - 4 = 9"), ("again?", "16 - 3 - 4 = 9")), set()),  # the same twice is no split
        (steps(("a?", "7 + 7 = 14"), ("b?", "16 - 3 - 4 = 9")), set()),  # 14 is used for nothing
    ],
)
def test_one_step_stands_for_several_only_where_each_does_work(student: list[Step], found: set[Spans]) -> None:
    assert set(blocks(TEACHER, student, PROBLEM)) == found


def test_the_step_gate_asks_whether_a_step_is_the_same_and_then_whether_it_is_after_the_same() -> None:
    known: dict[PairKey, bool | None] = {}
    truth = {(1, "step"): True, (2, "step"): False, (2, "attempt"): True, (3, "step"): False, (3, "attempt"): False}
    asked: list[tuple[int, str]] = []
    while keys := list(needed(4, known)):
        asked += [(key.index, key.part) for key in keys]
        known.update((key, truth[key.index, key.part]) for key in keys)
    assert asked == list(truth)  # nothing behind the gate
    four = [Step(n, "m", "q", "a") for n in range(1, 5)]
    found = align(four, four, known)
    assert [s.score for s in found.steps] == [1.0, 0.5, 0.0, 0.0] and found.gate_at == 3
    assert [s.score for s in align(four, four, known, {2}).steps][1] == 0.25
    outage = align(four, four, known | {PairKey(2, "attempt"): None})
    assert outage.unscored == PairKey(2, "attempt") and score(outage) is None
