"""Figures of an evaluation. Pure."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


def pass_at_k(n: int, correct: int, k: int) -> float:
    """The unbiased estimate of the chance that at least one of k samples is right, from n samples of which `correct`
    are: 1 − C(n − correct, k) / C(n, k) (Chen et al. 2021, "Evaluating Large Language Models Trained on Code").

    Raises ValueError unless 1 ≤ k ≤ n and 0 ≤ correct ≤ n.
    """
    if not (1 <= k <= n and 0 <= correct <= n):
        raise ValueError(f"pass@k needs 1 <= k <= n and 0 <= correct <= n, not k={k}, n={n}, correct={correct}")
    return 1.0 - math.comb(n - correct, k) / math.comb(n, k)


def wilson(successes: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """The Wilson score interval of a share (Wilson 1927); by default of 95 %. (0, 1) for n = 0."""
    if n == 0:
        return 0.0, 1.0
    p = successes / n
    middle = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    whole = 1 + z * z / n
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def mean(values: Sequence[float]) -> float | None:
    """The mean, None of nothing."""
    return sum(values) / len(values) if values else None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Verdicts against labels. Only pairs with a verdict count; `unscored` is the share of the others.

    `kappa` is Cohen's (1960); its interval is the Wilson interval of the observed agreement, with the agreement that
    chance gives taken as known. None where a figure is not defined (no positives, or one label only).
    """

    pairs: int
    unscored: float
    positives: float
    accuracy: float | None
    accuracy_interval: tuple[float, float]
    precision: float | None
    recall: float | None
    f1: float | None
    kappa: float | None
    kappa_interval: tuple[float, float] | None


def agreement(labels: Sequence[bool], verdicts: Sequence[bool | None]) -> Agreement:
    """How far verdicts agree with labels, pair by pair."""
    known = [(label, verdict) for label, verdict in zip(labels, verdicts, strict=True) if verdict is not None]
    n = len(known)
    true = sum(label and verdict for label, verdict in known)
    said, are = sum(verdict for _, verdict in known), sum(label for label, _ in known)
    same = sum(label == verdict for label, verdict in known)
    chance = (said * are + (n - said) * (n - are)) / (n * n) if n else 1.0
    low, high = wilson(same, n)

    def beyond_chance(share: float) -> float:
        return (share - chance) / (1.0 - chance)

    return Agreement(
        pairs=len(labels),
        unscored=1.0 - n / len(labels) if labels else 0.0,
        positives=sum(labels) / len(labels) if labels else 0.0,
        accuracy=same / n if n else None,
        accuracy_interval=(low, high),
        precision=true / said if said else None,
        recall=true / are if are else None,
        f1=2 * true / (said + are) if said + are else None,
        kappa=beyond_chance(same / n) if n and chance < 1.0 else None,
        kappa_interval=(beyond_chance(low), beyond_chance(high)) if n and chance < 1.0 else None,
    )


def best_threshold(scores: Sequence[float], labels: Sequence[bool]) -> float | None:
    """The threshold of which `score >= threshold` has the highest kappa with the labels: half-way between two
    neighbouring scores, the lowest of equals. None without both labels, or where all scores are the same."""
    ordered = sorted(zip(scores, labels, strict=True))
    n, are = len(ordered), sum(labels)
    if are in (0, n):
        return None
    best, threshold = -math.inf, None
    below = below_are = 0
    for (score, label), (above, _) in itertools.pairwise(ordered):
        below, below_are = below + 1, below_are + label
        if score == above:
            continue
        said = n - below
        same = (are - below_are) + (below - below_are)
        chance = (said * are + below * (n - are)) / (n * n)
        kappa = (same / n - chance) / (1.0 - chance)
        if kappa > best:
            best, threshold = kappa, (score + above) / 2
    return threshold


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's rho: the correlation of ranks, equal values sharing their mean rank. None where a side is constant."""
    ranks = [_ranks(values) for values in (first, second)]
    if len(first) < 2 or any(len(set(one)) == 1 for one in ranks):
        return None
    return statistics.correlation(*ranks)


def _ranks(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    for _, tied in itertools.groupby(enumerate(order), key=lambda pair: values[pair[1]]):
        places = list(tied)
        for _, index in places:
            ranks[index] = (places[0][0] + places[-1][0]) / 2
    return ranks
