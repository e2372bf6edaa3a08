"""The exact tests against every toss, and against scipy's."""

from __future__ import annotations

import itertools
import random

import pytest
from scipy import stats

from rlkd_train.compare.exact import holm, sign_flips


def over_all_tosses(values: list[float]) -> float:
    found = abs(sum(values))
    sums = [
        abs(sum(s * v for s, v in zip(signs, values, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(values))
    ]
    return sum(one >= found - 1e-9 for one in sums) / len(sums)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("k", [1, 4, 8])
def test_shares_are_tested_over_every_toss(seed: int, k: int) -> None:
    drawn = random.Random(f"{seed} {k}")
    values = [(drawn.randint(0, k) - drawn.randint(0, k)) / k for _ in range(10)]
    found = sign_flips(values)
    assert found.p == pytest.approx(over_all_tosses(values))
    assert found.how == ("McNemar, exact" if k == 1 else "sign flips, exact")


def test_shares_of_different_numbers_of_samples_are_one_lattice() -> None:
    values = [1 / 3, 0.25, -1 / 6, 0.5, 0.75 - 1 / 3, 0.0]
    assert sign_flips(values).p == pytest.approx(over_all_tosses([value for value in values if value]))


def test_one_sample_a_problem_is_mcnemars_test() -> None:
    values = [1.0] * 9 + [-1.0] * 2 + [0.0] * 49
    assert sign_flips(values).p == pytest.approx(stats.binomtest(9, 11, 0.5).pvalue)


def test_scores_on_no_lattice_are_tossed_all_while_they_are_few_and_drawn_then() -> None:
    drawn = random.Random(3)
    few = [drawn.gauss(0.3, 1) for _ in range(9)]
    assert sign_flips(few).how == "sign flips, exact"
    assert sign_flips(few).p == pytest.approx(over_all_tosses(few))
    many = [drawn.gauss(0.25, 1) for _ in range(80)]
    assert sign_flips(many) == sign_flips(many) and sign_flips(many).how == "sign flips, 20,000 drawn"
    assert sign_flips(many).p == pytest.approx(stats.ttest_1samp(many, 0).pvalue, abs=0.02)


def test_a_large_evaluation_is_tested_exactly_and_as_the_normal_law_says() -> None:
    drawn = random.Random(5)
    values = [
        (sum(drawn.random() < 0.55 for _ in range(64)) - sum(drawn.random() < 0.53 for _ in range(64))) / 64
        for _ in range(500)
    ]
    found = sign_flips(values)
    z = sum(values) / sum(value**2 for value in values) ** 0.5
    assert found.how == "sign flips, exact" and found.p == pytest.approx(2 * stats.norm.sf(abs(z)), rel=0.1)


@pytest.mark.parametrize("values", [[], [0.0, 0.0]])
def test_no_difference_is_no_finding(values: list[float]) -> None:
    assert sign_flips(values).p == 1.0


def test_holm_holds_a_table_worked_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0] and holm([]) == []
