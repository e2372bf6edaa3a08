"""What a sample's verdict is, in one word, and why. Pure."""

from __future__ import annotations

import re
from typing import Literal

from rlkd_data.answers.boxes import boxes
from rlkd_data.answers.verdict import NOT_JUDGED
from rlkd_train.reward.accuracy import answer_of

Word = Literal["right", "wrong", "unjudged"]
LOST = "null: no whole reply"
"""How a verification begins that found no whole reply to verify."""
_LOST_HOW = re.compile(r"null: (no whole reply) \((\w+)")
_DETAILS = re.compile(r":\s.*|\s*\(.*", re.DOTALL)
_WHOLE = re.compile(r".*(?:[.!?](?=\s)|[。！？\n]|</answer>)", re.DOTALL | re.IGNORECASE)


def word_of(is_correct: bool | None) -> Word:
    """The column `verdict`."""
    return "unjudged" if is_correct is None else "right" if is_correct else "wrong"


def reason_of(verification: str) -> str:
    """The column `reason`: what decided, or for an unjudged sample why nobody can say; a code without its details, so
    that samples can be counted by it."""
    if lost := _LOST_HOW.match(verification):
        return f"{lost[1]}: {lost[2]}"
    if verification.startswith("null: open: "):
        return verification.removeprefix("null: ")
    return _DETAILS.sub("", verification.removeprefix("null: "))


def says_nothing(verification: str) -> bool:
    """Whether the problem's gold answer, and no sample, is why there is no verdict: it would judge nobody."""
    return verification in NOT_JUDGED


def whole_answer(text: str, *, truncated: bool) -> str | None:
    """The final answer of a completion. One that was cut off may have been cut within a number (`1` of `12`): what
    stands behind its last whole sentence, line, box or tag states nothing, but may take back what was stated before."""
    answer = answer_of(text)
    if not truncated or answer is None:
        return answer
    found = _WHOLE.match(text)
    ends = [box.end for box in boxes(text) if box.closed]
    return answer if answer_of(text[: max([found.end() if found else 0, *ends[-1:]])]) == answer else None
