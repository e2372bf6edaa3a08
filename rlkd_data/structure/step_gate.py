"""The positional alignment with another question at its gate: whether the steps are the same, not their plans.

Two annotators word the same plan in ways that no free judge tells, so that the paper's gate closes at the first step.
Question and answer together are told well. A step that is the same scores 1; one that is after the same but arrives
elsewhere scores ½, and ¼ where it finds nothing at all; the first that is neither closes the gate.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from rlkd_data.schema import Step
from rlkd_data.structure.align import Alignment, PairKey, StepMatch, Verdicts, compared

ELSEWHERE, NOWHERE = 0.5, 0.25
"""What a step earns that is after the same and arrives elsewhere, or finds nothing."""


def needed(n_compared: int, verdicts: Verdicts, lookahead: int = 1) -> Iterator[PairKey]:
    """The pairs to ask about next, as `align.needed`: whether the step is the same, and where it is not, whether it is
    after the same. Empty where nothing more is needed."""
    open_steps = 0
    for index in range(1, n_compared + 1):
        same, after = PairKey(index, "step"), PairKey(index, "attempt")
        if same not in verdicts:
            yield same
            open_steps += 1
        elif verdicts[same] is False and after not in verdicts:
            yield after
            open_steps += 1
        elif verdicts[same] is None or (verdicts[same] is False and not verdicts[after]):
            return
        if open_steps >= lookahead:
            return


def align(
    teacher: Sequence[Step], student: Sequence[Step], verdicts: Verdicts, nothing: Collection[int] = ()
) -> Alignment:
    """Put the verdicts on the steps; `nothing` are the student's steps, from 1, whose answer finds nothing."""
    matched: list[StepMatch] = []
    gate_at: int | None = None
    unscored: PairKey | None = None
    for index in range(1, compared(teacher, student) + 1):
        same, after = PairKey(index, "step"), PairKey(index, "attempt")
        if gate_at is not None or unscored is not None:
            matched.append(StepMatch(index, None, None, None, 0.0))
        elif verdicts.get(same):
            matched.append(StepMatch(index, None, True, True, 1.0))
        elif verdicts.get(same) is None or verdicts.get(after) is None:
            unscored = same if verdicts.get(same) is None else after
            matched.append(StepMatch(index, None, None, None, 0.0))
        elif verdicts[after]:
            matched.append(StepMatch(index, None, True, False, NOWHERE if index in nothing else ELSEWHERE))
        else:
            gate_at = index
            matched.append(StepMatch(index, None, False, False, 0.0))
    return Alignment(tuple(matched), len(teacher), len(student), gate_at, unscored)
