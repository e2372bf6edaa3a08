"""Evaluation figures against brute force."""

from __future__ import annotations

import itertools

import pytest

from rlkd_train.metrics import majority, mean, pass_at_k, wilson


@pytest.mark.parametrize(("n", "correct"), [(5, 0), (5, 2), (6, 5), (4, 4)])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_pass_at_k_is_the_share_of_draws_with_a_right_one(n: int, correct: int, k: int) -> None:
    draws = list(itertools.combinations([True] * correct + [False] * (n - correct), k))
    assert pass_at_k(n, correct, k) == pytest.approx(sum(any(draw) for draw in draws) / len(draws))


@pytest.mark.parametrize(("n", "correct", "k"), [(3, 1, 4), (3, 4, 1), (3, -1, 1), (3, 1, 0)])
def test_pass_at_k_refuses_what_cannot_be(n: int, correct: int, k: int) -> None:
    with pytest.raises(ValueError, match="pass@k needs"):
        pass_at_k(n, correct, k)


def test_majority_takes_the_first_of_equals_and_ignores_silence() -> None:
    assert majority(["4", None, "5", "5", "4"]) == "4"
    assert majority([None, None]) is None


def test_wilson_holds_the_published_values() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(15, 30)  # Wilson 1927: 0.332 … 0.668 at z = 1.96
    assert (low, high) == (pytest.approx(0.3315, abs=1e-3), pytest.approx(0.6685, abs=1e-3))
    assert wilson(0, 10)[0] == 0.0


def test_a_mean_of_nothing_is_nothing() -> None:
    assert mean([]) is None
    assert mean([1.0, 2.0]) == 1.5
