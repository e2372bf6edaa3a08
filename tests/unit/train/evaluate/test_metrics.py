"""Evaluation figures against brute force."""

from __future__ import annotations

import itertools
import random

import pytest

from rlkd_train.evaluate.metrics import agreement, best_threshold, mean, pass_at_k, rank_correlation, wilson


@pytest.mark.parametrize(("n", "correct"), [(5, 0), (5, 2), (6, 5), (4, 4)])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_pass_at_k_is_the_share_of_draws_with_a_right_one(n: int, correct: int, k: int) -> None:
    draws = list(itertools.combinations([True] * correct + [False] * (n - correct), k))
    assert pass_at_k(n, correct, k) == pytest.approx(sum(any(draw) for draw in draws) / len(draws))


@pytest.mark.parametrize(("n", "correct", "k"), [(3, 1, 4), (3, 4, 1), (3, -1, 1), (3, 1, 0)])
def test_pass_at_k_refuses_what_cannot_be(n: int, correct: int, k: int) -> None:
    with pytest.raises(ValueError, match="pass@k needs"):
        pass_at_k(n, correct, k)


def test_wilson_holds_the_published_values() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(15, 30)  # Wilson 1927: 0.332 … 0.668 at z = 1.96
    assert (low, high) == (pytest.approx(0.3315, abs=1e-3), pytest.approx(0.6685, abs=1e-3))
    assert wilson(0, 10)[0] == 0.0


def test_a_mean_of_nothing_is_nothing() -> None:
    assert mean([]) is None
    assert mean([1.0, 2.0]) == 1.5


def test_agreement_holds_a_table_worked_by_hand() -> None:
    # Cohen's example form: 20 both yes, 15 both no, 5 and 10 apart: p_o = 0.7, p_e = 0.5, kappa = 0.4
    labels = [True] * 25 + [False] * 25 + [True]
    verdicts = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15 + [None]
    found = agreement(labels, verdicts)
    assert (found.accuracy, found.kappa) == (pytest.approx(0.7), pytest.approx(0.4))
    assert (found.precision, found.recall) == (pytest.approx(2 / 3), pytest.approx(0.8))
    assert found.f1 == pytest.approx(8 / 11) and found.unscored == pytest.approx(1 / 51)
    low, high = wilson(35, 50)
    assert found.kappa_interval == (pytest.approx((low - 0.5) / 0.5), pytest.approx((high - 0.5) / 0.5))


def test_agreement_of_nothing_or_of_one_label_has_no_kappa() -> None:
    assert agreement([True], [None]).accuracy is None
    assert agreement([True, True], [True, True]).kappa is None


def test_the_best_threshold_is_the_one_that_brute_force_finds() -> None:
    rng = random.Random(0)
    for _ in range(50):
        labels = [rng.random() < 0.3 for _ in range(20)]
        scores = [round(rng.random() + 0.5 * label, 1) for label in labels]
        found = best_threshold(scores, labels)
        if len(set(labels)) == 1:
            assert found is None
            continue
        assert found is not None
        cuts = sorted(set(scores))[1:]
        kappas = [agreement(labels, [score >= cut for score in scores]).kappa or 0.0 for cut in cuts]
        assert agreement(labels, [score >= found for score in scores]).kappa == pytest.approx(max(kappas))


def test_rank_correlation_sees_order_alone_and_shares_ranks() -> None:
    assert rank_correlation([1, 2, 3], [10, 200, 3000]) == pytest.approx(1.0)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
    assert rank_correlation([1, 2, 2, 3], [1, 2, 3, 4]) == pytest.approx(0.9486833)
    assert rank_correlation([1, 1], [1, 2]) is None
