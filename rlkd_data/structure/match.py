"""Which steps of two decompositions are the same: the most pairs that keep the order of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


def match(n_left: int, n_right: int, same: Callable[[int, int], bool]) -> list[tuple[int, int]]:
    """The longest run of pairs (left index, right index), both rising, that are the same (a longest common
    subsequence). `same` is asked once for each of the n_left × n_right pairs; of equally long runs, the one that pairs
    the earliest steps."""
    equal = [[same(i, j) for j in range(n_right)] for i in range(n_left)]
    best = [[0] * (n_right + 1) for _ in range(n_left + 1)]
    for i in reversed(range(n_left)):
        for j in reversed(range(n_right)):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], best[i + 1][j + 1] + 1 if equal[i][j] else 0)
    pairs, i, j = [], 0, 0
    while i < n_left and j < n_right:
        if equal[i][j] and best[i][j] == best[i + 1][j + 1] + 1:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


@dataclass(frozen=True, slots=True)
class Overlap:
    """Counts of steps on both sides, and of those matched, over any number of decompositions."""

    gold: int = 0
    predicted: int = 0
    matched: int = 0

    def __add__(self, other: Overlap) -> Overlap:
        return Overlap(self.gold + other.gold, self.predicted + other.predicted, self.matched + other.matched)

    @property
    def precision(self) -> float:
        return self.matched / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        return self.matched / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall, over all steps (micro); 0 where nothing was matched."""
        both = self.gold + self.predicted
        return 2 * self.matched / both if both else 0.0


def step_count_agreement(counts: Sequence[Sequence[int]]) -> float | None:
    """The share of decomposed texts whose annotations all have the same number of steps; None without texts."""
    return sum(len(set(found)) == 1 for found in counts) / len(counts) if counts else None
