"""Intervals hold what they say, by simulation; and are what others compute."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from rlkd_train.evaluate.intervals import (
    bootstrap_interval,
    cluster_standard_error,
    estimate,
    mean_interval,
    share_interval,
)
from rlkd_train.evaluate.metrics import wilson

SETS = 3000
SEEDS = {(30, 1): 1, (30, 16): 2, (30, 64): 3, (200, 4): 4}


def simulated(problems: int, samples: int, accuracy: float) -> np.ndarray:
    """(sets, problems): shares of right samples, where how hard problems are differs as it does on AIME: most are
    nearly always or hardly ever solved (a beta distribution of concentration 0.7)."""
    rng = np.random.default_rng([SEEDS[problems, samples], int(100 * accuracy)])
    chances = rng.beta(0.7 * accuracy, 0.7 * (1 - accuracy), (SETS, problems))
    return rng.binomial(samples, chances) / samples


@pytest.mark.parametrize(("problems", "samples"), [(30, 1), (30, 16), (30, 64), (200, 4)])
@pytest.mark.parametrize("accuracy", [0.1, 0.5, 0.9])
def test_the_interval_of_a_share_covers_the_truth_in_93_to_97_of_100_simulated_sets(
    problems: int, samples: int, accuracy: float
) -> None:
    covered = 0
    for values in simulated(problems, samples, accuracy).tolist():
        found = share_interval(values)
        assert found is not None and 0 <= found[0] <= sum(values) / problems <= found[1] <= 1
        covered += found[0] <= accuracy <= found[1]
    assert 0.93 <= covered / SETS <= 0.97


def test_samples_counted_by_themselves_would_cover_it_in_a_quarter() -> None:
    values = simulated(30, 64, 0.5)
    bounds = [wilson(round(one * 30 * 64), 30 * 64) for one in values.mean(axis=1).tolist()]
    assert sum(low <= 0.5 <= high for low, high in bounds) / SETS < 0.3


def test_the_bootstrap_is_the_percentiles_of_means_of_problems_drawn_again() -> None:
    values = np.random.default_rng(5).beta(0.5, 0.5, 40)
    low, high = bootstrap_interval(values.tolist(), seed=3) or (0.0, 0.0)
    drawn = np.random.default_rng(8).choice(values, (20_000, 40)).mean(axis=1)
    assert [low, high] == pytest.approx(np.percentile(drawn, [2.5, 97.5]).tolist(), abs=0.005)
    assert bootstrap_interval(values.tolist(), seed=3) == (low, high)
    assert bootstrap_interval(values.tolist(), seed=4) != (low, high)


def test_the_standard_error_is_the_cluster_robust_one() -> None:
    rng = np.random.default_rng(6)
    samples = rng.binomial(1, rng.beta(1, 1, (25, 1)), (25, 8)).astype(float)
    deviations = (samples - samples.mean()).sum(axis=1)  # of each cluster, as in the sandwich estimator
    sandwich = math.sqrt((deviations**2).sum()) / samples.size
    found = cluster_standard_error(samples.mean(axis=1).tolist())
    assert found == pytest.approx(sandwich * math.sqrt(25 / 24))


def test_the_interval_of_a_mean_is_students() -> None:
    values = [3.0, 8.0, 1.5, 9.25, 4.0]
    wanted = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    assert mean_interval(values) == pytest.approx(wanted)


def test_shares_near_their_ends_have_an_interval_and_one_problem_none() -> None:
    low, high = share_interval([0.0] * 30) or (None, None)
    assert low == 0.0 and high is not None and 0.05 < high < 0.15
    assert share_interval([1.0] * 30) == (pytest.approx(1 - high), 1.0)
    alike = share_interval([0.5] * 30)
    assert alike == (0.5, 0.5)
    for interval in (share_interval, mean_interval, bootstrap_interval, cluster_standard_error):
        assert interval([0.5]) is None
    with pytest.raises(ValueError, match="lies in"):
        share_interval([0.2, 1.5])


def test_an_estimate_takes_the_interval_that_fits_its_values() -> None:
    assert estimate([]) is None
    one = estimate([0.25])
    assert one is not None and (one.value, one.problems, one.low, one.bootstrap) == (0.25, 1, None, None)
    share, length = estimate([0.0, 0.5, 1.0]), estimate([10.0, 20.0, 60.0])
    assert share is not None and (share.low, share.high) == share_interval([0.0, 0.5, 1.0])
    assert length is not None and (length.low, length.high) == mean_interval([10.0, 20.0, 60.0])
