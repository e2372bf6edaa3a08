"""How many ways a model takes to one problem: its answers, its first steps, its paths through the tree of steps. Pure.

RLKD (arXiv 2505.16142, section 1) claims that a student which learned structure keeps several ways open. All figures
are of the samples at hand: with more of them more ways are seen, so they compare models at the same k alone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from itertools import pairwise

Path = tuple[int, ...]
"""The nodes of a problem's tree (`rlkd_data.structure.branch`) that a sample's steps go through, from the first."""


def entropy(seen: Iterable[Hashable]) -> float:
    """Shannon's entropy of a sample, in bits: −Σ p · log₂ p over the shares p of each kind (the plug-in estimate, which
    is low where samples are few). 0 of nothing."""
    counts = Counter(seen)
    total = counts.total()
    return abs(math.fsum(count / total * math.log2(count / total) for count in counts.values()))


def distinct_answers(votes: Sequence[str | None]) -> int:
    """Answers that differ; `votes` are one text for equal answers, None for no answer, which is none."""
    return len({vote for vote in votes if vote is not None})


def distinct_first_steps(paths: Sequence[Path]) -> int:
    """First sub-problems that differ."""
    return len({path[0] for path in paths if path})


def distinct_paths(paths: Sequence[Path]) -> int:
    """Whole ways through the tree that differ; one that stops earlier is another."""
    return len(set(paths))


def branch_entropy(paths: Sequence[Path]) -> float:
    """How open the next step is, in bits: the entropy of what the samples at a node do next (a step, or to end), mean
    over nodes by how many samples come there, the beginning included. With one branch everywhere it is 0; times the
    mean number of steps and the end it is the entropy of whole paths (chain rule)."""
    following: dict[int | None, list[int | None]] = {}
    for path in paths:
        for at, then in pairwise((None, *path, None)):
            following.setdefault(at, []).append(then)
    visits = sum(map(len, following.values()))
    return math.fsum(len(then) * entropy(then) for then in following.values()) / visits if visits else 0.0
