"""Steps of a student that answer nothing: what the GSRM says of them, the completion does not.

A GSRM that is given questions without answers computes the answers itself, for it has learned to. Such an answer is its
own, not the student's, and earns the student nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from rlkd_data.judges.found import says_again, states
from rlkd_data.schema import Step
from rlkd_data.structure.numbers import result_of

INVENTED = "not in the completion"
AGAIN = "no answer"
_CONTENT = re.compile(r"[^\W\d_]{4,}")
_STEM, _LEAST_FOUND = 5, 0.5


def answerless(steps: Sequence[Step], completion: str) -> dict[int, str]:
    """Why a step has no answer, by the step's place (from 1).

    - not in the completion: what the answer arrives at (its number, or, without one, most of its words) is not there
    - no answer: the answer is its own question, or its plan, once more
    """
    found: dict[int, str] = {}
    stems: set[str] | None = None
    for place, step in enumerate(steps, 1):
        if says_again(step.sub_problem, step.answer) or says_again(step.meta_reasoning, step.answer):
            found[place] = AGAIN
            continue
        if (number := _number(step.answer)) is not None:
            if not states(completion, number, percent="%" in step.answer):
                found[place] = INVENTED
            continue
        stems = _stems(completion) if stems is None else stems
        words = _stems(step.answer)
        if words and len(words & stems) < _LEAST_FOUND * len(words):
            found[place] = INVENTED
    return found


def _number(answer: str) -> Decimal | None:
    result = result_of(answer)
    try:
        return Decimal(result) if result is not None else None
    except InvalidOperation:
        return None


def _stems(text: str) -> set[str]:
    return {word[:_STEM] for word in _CONTENT.findall(text.lower())}
