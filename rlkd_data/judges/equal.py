"""What needs no judge: the same text, and answers that arrive at the same number or formula."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rlkd_data.answers.arrived import arrived, same
from rlkd_data.answers.compare import A_SIDE, PART
from rlkd_data.answers.numbers import number
from rlkd_data.answers.phrases import exclude
from rlkd_data.answers.read import comparable, read
from rlkd_data.answers.shapes import Named, Scalar, Several
from rlkd_data.answers.stated import stated
from rlkd_data.answers.typeset import MINUS
from rlkd_data.answers.verify import Job, Verifier, quick
from rlkd_data.answers.verify import Verdict as Found
from rlkd_data.chat.client import Client
from rlkd_data.judges.base import Judge, Pair, Verdict

_WORDS = re.compile(r"\d+(?:[.,]\d+)*|\w+|(?<=\d):(?=\d)|(?<=[\d)])!|(?<=\w)['’′](?!\w)|[^\w\s.,;:?!\"“”„'‘’`#$…]")
_WORKERS = 2


def equal(pair: Pair) -> Verdict | None:
    """A verdict where the texts alone tell; None where a judge is needed.

    The same words match, whatever their case and punctuation. Answers without sentences around them are compared as
    final answers are. Two others that both arrive at a number (`answers.arrived`) match if the numbers are equal, and
    do not if no unit, rounding or other number in the text can be why they are not. Where each also says a number or a
    word that the other does not (`2 of the 5`, `3 of the 5`), equal numbers tell nothing.
    """
    if words(pair.teacher) == words(pair.student):
        return Verdict(True, "equal", free=True)
    if pair.part != "answer":
        return None
    if comparable(pair.teacher, pair.student):
        known = quick(Job(pair.teacher, pair.student, "math", pair.problem))
        return _settled(known, pair) if known is not None else None
    teacher, student = arrived(pair.teacher), arrived(pair.student)
    match = same(teacher, student) if teacher is not None and student is not None else None
    if match and _apart(pair, certain=teacher.certain and student.certain if teacher and student else False):
        return None
    return Verdict(match, "number", free=True) if match is not None else None


def _apart(pair: Pair, *, certain: bool) -> bool:
    """Whether two answers that arrive at one number may differ in what else they say."""
    one, other = (words(text) for text in (pair.teacher, pair.student))
    if exclude(one, other):
        return True
    left, right = (Counter(word for word in said if word[0].isdigit()) for said in (one, other))
    return not certain and not (left <= right or right <= left)


def _settled(found: Found, pair: Pair) -> Verdict | None:
    """A verdict of the room of answers that is certain; None for another. A step's answer may be a side of the equation
    that its question was about, may say first from what it comes, and may be rounded."""
    if found.how == A_SIDE or (found.how == PART and _comes_to(pair)):
        return None
    if found.is_correct is False and _may_be(pair):
        return None
    return Verdict(found.is_correct, found.how, free=True) if found.is_correct or found.differs else None


def _may_be(pair: Pair) -> bool:
    """Whether two other quantities may be one: rounded, or in another unit."""
    teacher, student = arrived(pair.teacher), arrived(pair.student)
    if teacher is None or student is None or not (teacher.certain and student.certain):
        return False
    return same(teacher, student) is None


def _comes_to(pair: Pair) -> bool:
    """Whether one answer is a line that ends in the other: `half of 46, 23 cm`."""
    teacher, student = read(pair.teacher), read(pair.student)
    several, one = (teacher, student) if isinstance(teacher, Several) else (student, teacher)
    if not isinstance(several, Several) or several.opening or several.joint != "," or not isinstance(one, Scalar):
        return False
    last = re.findall(r"\d+(?:[.,]\d+)*", several.text)[-1:]
    all_named = all(isinstance(item, Named) for item in several.items)
    return not all_named and one.number is not None and bool(last) and number(last[0]) == one.number


def _stated(text: str) -> str:
    """What a text states for certain, else all of it."""
    found = stated(text)
    return found.text if found is not None and found.certain else text


def words(text: str) -> list[str]:
    """Lower-case words, numbers and signs that carry meaning in a formula: brackets, relations and operators too."""
    return _WORDS.findall(text.lower().translate(MINUS))


class EqualFirst:
    """Asks another judge only about pairs that are settled neither by `equal` nor, for answers that hold formulas, by
    math-verify; without one, those do not match. `client` is the one that the other judge asks, if it does."""

    def __init__(self, judge: Judge | None, *, client: Client | None = None) -> None:
        self._judge, self.client = judge, client
        self._verifier = Verifier(_WORKERS)  # its processes start with the first formula
        self.whole = judge is not None and judge.whole

    async def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        settled = [equal(pair) or await self._verified(pair) for pair in pairs]
        open_ = [pair for pair, verdict in zip(pairs, settled, strict=True) if verdict is None]
        if open_ and self._judge is not None:
            asked = iter(await self._judge.judge(open_))
        else:
            asked = iter([Verdict(False, "unequal", free=True)] * len(open_))
        return [verdict if verdict is not None else next(asked) for verdict in settled]

    async def close(self) -> None:
        self._verifier.close()
        if self._judge is not None:
            await self._judge.close()

    async def _verified(self, pair: Pair) -> Verdict | None:
        if pair.part != "answer":
            return None
        if comparable(pair.teacher, pair.student):
            said = await self._verifier.verify_async(Job(pair.teacher, pair.student, "math", pair.problem))
            return _settled(said, pair)
        if arrived(pair.teacher) and arrived(pair.student):
            return None
        texts = [_stated(text) for text in (pair.teacher, pair.student)]
        if texts == [pair.teacher, pair.student] or not comparable(*texts):
            return None
        found = await self._verifier.verify_async(Job(texts[0], texts[1], "math", pair.problem))
        # A "no" needs more: what a text of sentences states need not be all that it says.
        return Verdict(True, found.how, free=True) if found.is_correct else None
