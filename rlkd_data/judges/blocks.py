"""One step that stands for several, told by their numbers: merged and split steps, for the alignment in sequence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rlkd_data.judges.found import conclude_alike, concluded, states
from rlkd_data.schema import Step
from rlkd_data.structure.numbers import numbers
from rlkd_data.structure.sequence import Spans

MOST = 3
"""Steps that one step may stand for."""
_WORKED = 0.7
"""Share of a merged step's numbers that stand in the one which stands for it."""


def blocks(teacher: Sequence[Step], student: Sequence[Step], problem: str) -> Iterator[Spans]:
    """Spans of one step against two or three that arrive at the same number.

    Merged: the student's one step states what each of the teacher's several concludes, and what it came from. Split:
    each of the student's several but the last concludes a number that was not there before and that a later one uses,
    so that a step which finds nothing stands for none.
    """
    for i, one in enumerate(teacher):
        for j, other in enumerate(student):
            for size in range(2, MOST + 1):
                if i + 1 >= size and _merged(teacher[i + 1 - size : i + 1], other):
                    yield (i + 1 - size, i + 1), (j, j + 1)
                first = j + 1 - size
                if first >= 0 and _split(one, student[first : j + 1], student[:first], problem):
                    yield (i, i + 1), (first, j + 1)


def _merged(teacher: Sequence[Step], student: Step) -> bool:
    if not conclude_alike(teacher[-1].answer, student.answer):
        return False
    said = student.answer.translate(_OPERATORS)
    there = numbers(student.answer)
    for step in teacher[:-1]:
        value, worked = concluded(step.answer), numbers(step.answer)
        if value is None or not states(said, abs(value)):
            return False
        if len(worked & there) < _WORKED * len(worked):
            return False
    return True


def _split(teacher: Step, student: Sequence[Step], before: Sequence[Step], problem: str) -> bool:
    if not conclude_alike(teacher.answer, student[-1].answer):
        return False
    known = numbers(problem).union(*(numbers(step.answer) for step in before))
    whole = concluded(student[-1].answer)
    for number, part in enumerate(student[:-1], 1):
        value = concluded(part.answer)
        if value is None or value == whole or f"{abs(value).normalize():f}" in known:
            return False
        if not any(states(later.answer.translate(_OPERATORS), abs(value)) for later in student[number:]):
            return False
        known |= numbers(part.answer)
    return True


_OPERATORS = str.maketrans("+-*/×÷·^()", ";;;;;;;;  ")
"""Signs between operands, so that operands count as said."""
