"""What the samples of one problem come to: pass@k, cons@k. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rlkd_train.evaluate.metrics import pass_at_k


def pass_at_every_k(right: Sequence[bool]) -> list[float]:
    """pass@1 … pass@n of a problem from its n samples, each unbiased (`pass_at_k`); the first is the share of right
    ones, which is avg@n."""
    n, correct = len(right), sum(right)
    return [pass_at_k(n, correct, k) for k in range(1, n + 1)]


def cons_at_n(votes: Sequence[str | None], right: Sequence[bool]) -> float:
    """Whether the answer that most of n samples give is right (self-consistency: Wang et al. 2022); where m answers
    have the most votes, the share of the m that are right, which is what a draw among them would come to. `votes` are
    one text for equal answers, None for a sample without an answer; an answer is right where one of its samples is. 0
    where nobody answers."""
    counts = Counter(vote for vote in votes if vote is not None)
    if not counts:
        return 0.0
    most = max(counts.values())
    first = [vote for vote, count in counts.items() if count == most]
    found = {vote for vote, good in zip(votes, right, strict=True) if good and vote is not None}
    return sum(vote in found for vote in first) / len(first)
