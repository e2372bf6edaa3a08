"""An alignment's score: the paper's R_GSRM, and the best of several teachers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rlkd_data.structure.align import Alignment
from rlkd_data.structure.sequence import Matched

Normalise = Literal["teacher_steps", "sum"]
Several = Literal["best", "mean"]


def score(alignment: Alignment | Matched, normalise: Normalise = "teacher_steps") -> float | None:
    """R_GSRM of one completion against one teacher (RLKD, section 3.3): the sum of the step scores, by default divided
    by the number of teacher steps, so that it lies in [0, 1]. None where a needed verdict is missing: an outage is not
    a zero.

    Steps that were matched in sequence have an F-score of their own, which `normalise` leaves as it is. Raises
    ValueError for a teacher without steps, against whom nothing can be scored.
    """
    if alignment.n_teacher == 0:
        raise ValueError("a teacher's decomposition without steps cannot score anything")
    if alignment.unscored is not None:
        return None
    if isinstance(alignment, Matched):
        return alignment.f_score
    total = sum(step.score for step in alignment.steps)
    return total / alignment.n_teacher if normalise == "teacher_steps" else total


@dataclass(frozen=True, slots=True)
class Best:
    """The score against several teachers, and which of them (by trace id) it is."""

    score: float
    winner: str


def mean(alignments: Mapping[str, Alignment | Matched], normalise: Normalise = "teacher_steps") -> Best | None:
    """The mean score over several teachers' decompositions of one problem, and the trace id of the highest. None unless
    every alignment has a score, as for `best`."""
    highest = best(alignments, normalise)
    if highest is None:
        return None
    scores = [value for alignment in alignments.values() if (value := score(alignment, normalise)) is not None]
    return Best(sum(scores) / len(scores), highest.winner)


def best(alignments: Mapping[str, Alignment | Matched], normalise: Normalise = "teacher_steps") -> Best | None:
    """The highest score over several teachers' decompositions of one problem, by trace id; the first of equals wins.

    None unless *every* alignment has a score: a missing one might have been the best, so its absence would be a lower
    reward that an outage caused.
    """
    winner: Best | None = None
    for trace_id, alignment in alignments.items():
        value = score(alignment, normalise)
        if value is None:
            return None
        if winner is None or value > winner.score:
            winner = Best(value, trace_id)
    return winner
