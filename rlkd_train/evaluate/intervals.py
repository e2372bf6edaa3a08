"""Figures with their intervals. What is drawn anew is the problem: samples of one problem are alike, and to count each
by itself makes an interval far too narrow (docs/evaluation.md has the simulation). Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.95
DRAWS = 9_999
"""Resamples of a bootstrap."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over problems. `low` and `high` bound the interval that is reported (`share_interval` for what lies in
    [0, 1], `mean_interval` for the rest), `bootstrap` the percentile interval beside it; None where one problem, or
    none, tells nothing of the others. `standard_error` is clustered by problem."""

    value: float
    problems: int
    low: float | None
    high: float | None
    standard_error: float | None
    bootstrap: tuple[float, float] | None


def estimate(values: Sequence[float], *, seed: int = 0, level: float = LEVEL, counts: bool = False) -> Estimate | None:
    """The mean of one value a problem, with its intervals; None of nothing. `counts`: values may leave [0, 1], though
    these may all lie in it."""
    if not values:
        return None
    share = not counts and all(0.0 <= value <= 1.0 for value in values)
    found = share_interval(values, level) if share else mean_interval(values, level)
    return Estimate(
        value=math.fsum(values) / len(values),
        problems=len(values),
        low=found[0] if found else None,
        high=found[1] if found else None,
        standard_error=cluster_standard_error(values),
        bootstrap=bootstrap_interval(values, seed=seed, level=level),
    )


def cluster_standard_error(values: Sequence[float]) -> float | None:
    """s / √n of one mean a problem: with as many samples of each it is the cluster-robust standard error of the mean
    over all samples, up to √(n / (n − 1)) (Miller 2024, "Adding Error Bars to Evals", section 2.2). None for fewer than
    two problems."""
    n = len(values)
    if n < 2:
        return None
    return math.sqrt(_squares(values) / (n - 1) / n)


def bootstrap_interval(
    values: Sequence[float], *, seed: int = 0, level: float = LEVEL, draws: int = DRAWS
) -> tuple[float, float] | None:
    """The percentile interval of the mean over problems drawn with replacement (Efron 1979), the same for the same
    seed. It is too narrow for few problems near 0 or 1. None for fewer than two problems."""
    if len(values) < 2:
        return None
    import numpy as np
    from scipy.stats import bootstrap

    found = bootstrap(
        (np.asarray(values, dtype=float),),
        np.mean,
        n_resamples=draws,
        batch=max(1, (1 << 22) // len(values)),
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def mean_interval(values: Sequence[float], level: float = LEVEL) -> tuple[float, float] | None:
    """mean ± t(n − 1) · s / √n over problems (Student 1908). None for fewer than two problems."""
    error = cluster_standard_error(values)
    if error is None:
        return None
    middle, half = math.fsum(values) / len(values), _student(len(values) - 1, level) * error
    return middle - half, middle + half


def share_interval(values: Sequence[float], level: float = LEVEL) -> tuple[float, float] | None:
    """An interval of a mean over problems of values in [0, 1], which holds near 0 and 1 too.

    Student's t over the problems and c more of value 0 and c of value 1 (as Agresti & Coull 1998 add trials of each
    kind to a share), c = min(1, 1.5 · ρ^1.5) with ρ = variance / (p · (1 − p)), the share of the variance that lies
    between problems: 1 where the samples of a problem are all alike (or it has one), near 0 where problems are all
    alike, and then nothing needs mending. The numbers in it were chosen by the simulation of docs/evaluation.md. The
    more problems there are, the nearer it is to `mean_interval`. None for fewer than two problems. Raises ValueError
    for a value outside of [0, 1].
    """
    n = len(values)
    if any(not 0.0 <= value <= 1.0 for value in values):
        raise ValueError("a share lies in [0, 1]")
    if n < 2:
        return None
    p = math.fsum(values) / n
    most = p * (1 - p)
    added = min(1.0, 1.5 * (_squares(values) / n / most) ** 1.5) if most > 0 else 1.0
    count = n + 2 * added
    middle = (n * p + added) / count
    squares = math.fsum(value * value for value in values) + added - count * middle * middle
    half = _student(n - 1, level) * math.sqrt(max(0.0, squares) / (count - 1) / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def _squares(values: Sequence[float]) -> float:
    middle = math.fsum(values) / len(values)
    return math.fsum((value - middle) ** 2 for value in values)


def _student(freedom: int, level: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + level / 2))
