"""pass@k, cons@k and how many ways there are, against plain restatements."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter

import pytest

from rlkd_train.evaluate.diversity import (
    branch_entropy,
    distinct_answers,
    distinct_first_steps,
    distinct_paths,
    entropy,
)
from rlkd_train.evaluate.passes import cons_at_n, pass_at_every_k


def test_pass_at_every_k_is_the_share_of_draws_with_a_right_one() -> None:
    right = [True, False, False, True, False, False]
    for k, found in enumerate(pass_at_every_k(right), 1):
        draws = list(itertools.combinations(right, k))
        assert found == pytest.approx(sum(map(any, draws)) / len(draws))


@pytest.mark.parametrize(
    ("votes", "right", "expected"),
    [
        (["4", None, "5", "5", "4"], "4", 1 / 2),  # two answers share the first place
        (["4", "5", "6"], "6", 1 / 3),
        (["4", "5", "5"], "5", 1.0),
        (["4", "5", "5"], "4", 0.0),
        (["4", None, None], "4", 1.0),  # who says nothing has no vote
        ([None, None], "4", 0.0),
        ([], "4", 0.0),
    ],
)
def test_the_most_frequent_answer_counts_and_ties_are_shared(
    votes: list[str | None], right: str, expected: float
) -> None:
    assert cons_at_n(votes, [vote == right for vote in votes]) == pytest.approx(expected)


def test_shared_ties_are_the_mean_over_which_answer_is_drawn() -> None:
    rng = random.Random(0)
    for _ in range(50):
        votes = [rng.choice(["a", "b", "c", None]) for _ in range(6)]
        counts = Counter(vote for vote in votes if vote)
        outcomes = [one == "b" for one in counts if counts[one] == max(counts.values())]
        wanted = sum(outcomes) / len(outcomes) if outcomes else 0.0
        assert cons_at_n(votes, [vote == "b" for vote in votes]) == pytest.approx(wanted)


def test_entropies_in_bits() -> None:
    assert entropy("aabb") == pytest.approx(1.0)
    assert entropy("abcd") == pytest.approx(2.0)
    assert entropy("aaaa") == 0.0 and str(entropy("aaaa")) == "0.0"
    assert entropy("") == 0.0
    assert entropy("aab") == pytest.approx(-(2 / 3 * math.log2(2 / 3) + 1 / 3 * math.log2(1 / 3)))


PATHS = [(1, 2, 3), (1, 2, 3), (1, 2), (1, 4), (5,), ()]


def test_ways_that_differ_are_counted() -> None:
    assert distinct_answers(["4", "5", "4", None]) == 2
    assert distinct_first_steps(PATHS) == 2
    assert distinct_paths(PATHS) == 5


def test_the_entropy_of_branches_adds_up_to_that_of_whole_paths() -> None:
    visits = sum(len(path) + 1 for path in PATHS)
    assert branch_entropy(PATHS) * visits / len(PATHS) == pytest.approx(entropy(PATHS))
    assert branch_entropy([(1, 2)] * 4) == 0.0 and branch_entropy([]) == 0.0
