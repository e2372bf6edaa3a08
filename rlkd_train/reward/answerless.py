"""Steps of a student that answer nothing: what the GSRM says of them, the completion does not.

A GSRM that is given questions without answers computes the answers itself, for it has learned to. Such an answer is its
own, not the student's, and earns the student nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rlkd_data.judges.equal import words
from rlkd_data.judges.found import concluded, says_again, states
from rlkd_data.schema import Step
from rlkd_data.structure.general import stems

INVENTED = "not in the completion"
AGAIN = "no answer"
_LEAST_FOUND, _TELLING = 0.5, 3
_DIGIT = re.compile(r"\d")
_SETTING = frozenset("{}\\$")


def answerless(steps: Sequence[Step], completion: str) -> dict[int, str]:
    """Why a step has no answer, by the step's place (from 1).

    - not in the completion: what the answer arrives at (its number, or, without one, most of its words) is not there.
      Nothing is asked of an answer that stands there as it is, of a formula, and of a number that the answer itself has
      only as an operand.
    - no answer: the answer is its own question, or its plan, once more
    """
    found: dict[int, str] = {}
    said: str | None = None
    for place, step in enumerate(steps, 1):
        if says_again(step.sub_problem, step.answer) or says_again(step.meta_reasoning, step.answer):
            found[place] = AGAIN
            continue
        said = _line(completion) if said is None else said
        if not _stands(step.answer, said) and _invented(step.answer, completion):
            found[place] = INVENTED
    return found


def _stands(answer: str, completion: str) -> bool:
    """Whether the words and signs of an answer stand in the completion's, in a row. A lone number may be an operand."""
    line = _line(answer)
    return line.count(" ") > 2 and line in completion


def _line(text: str) -> str:
    return f" {' '.join(word for word in words(text) if word not in _SETTING)} "


def _invented(answer: str, completion: str) -> bool:
    if _DIGIT.search(answer):
        number = concluded(answer)
        if number is None or not states(answer, number):
            return False
        return not states(completion, number, percent="%" in answer)
    own = stems(answer)
    there = own & stems(completion) if own else own
    if len(own) < _TELLING:
        return len(own) == _TELLING - 1 and not there
    return len(there) < _LEAST_FOUND * len(own)
