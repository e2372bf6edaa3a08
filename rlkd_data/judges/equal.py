"""What needs no judge: the same text, and answers that arrive at the same number or formula."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rlkd_data.answers.compare import A_SIDE
from rlkd_data.answers.final import final_answer
from rlkd_data.answers.quantity import MINUS, end, goes_on, quantity, same
from rlkd_data.answers.read import comparable
from rlkd_data.answers.verify import Job, Verifier, quick
from rlkd_data.answers.verify import Verdict as Found
from rlkd_data.chat.client import Client
from rlkd_data.judges.base import Judge, Pair, Verdict

_WORDS = re.compile(r"\d+(?:[.,]\d+)*|\w+|(?<=\d):(?=\d)|(?<=[\d)])!|(?<=\w)['’′](?!\w)|[^\w\s.,;:?!\"“”„'‘’`#$…]")
_PROSE = re.compile(r"(?<![\\A-Za-z])(?!(?:sin|cos|tan|log|exp|sqrt|mod)\b)[A-Za-z]{3,}")
"""A word that is no function: what holds one is prose, which math-verify would read as something else."""
_NUMERIC = re.compile(r"(?:[\d\s.{}()+*/^$√-]|\\(?:[dt]?frac|sqrt|pi|cdot|times|left|right|[!,; ()])(?![A-Za-z]))+")
_ENDLESS = re.compile(r"\\(?:sum|prod|int|lim)(?![A-Za-z])")
_NEARLY = re.compile(r"≈|\\approx")
_LONGEST = 200
_WORKERS = 2


def equal(pair: Pair) -> Verdict | None:
    """A verdict where the texts alone tell; None where a judge is needed.

    The same words match, whatever their case and punctuation. Answers without sentences around them are compared as
    final answers are. Two others that both arrive at a number (the one behind
    the last equals sign, or the last one) match if the numbers are equal, and do not if no unit, rounding or other
    number in the text can be why they are not.
    """
    if words(pair.teacher) == words(pair.student):
        return Verdict(True, "equal", free=True)
    if pair.part != "answer":
        return None
    if comparable(pair.teacher, pair.student):
        known = quick(Job(pair.teacher, pair.student, "math", pair.problem))
        return _settled(known) if known is not None else None
    teacher, student = quantity(pair.teacher), quantity(pair.student)
    if teacher is not None and student is not None and (match := same(teacher, student)) is not None:
        return Verdict(match, "number", free=True)
    return None


def _settled(found: Found) -> Verdict | None:
    """A verdict of the room of answers that is certain; None for another: a side of an equation may be what the step
    asked for."""
    if found.how == A_SIDE:
        return None
    return Verdict(found.is_correct, found.how, free=True) if found.is_correct or found.differs else None


def words(text: str) -> list[str]:
    """Lower-case words, numbers and signs that carry meaning in a formula: brackets, relations and operators too."""
    return _WORDS.findall(text.lower().translate(MINUS))


def formula(answer: str) -> str | None:
    """The formula that an answer arrives at, without the words around it; None where it arrives at prose."""
    found = end(answer).strip().rstrip(".")
    return None if not found or len(found) > _LONGEST or _PROSE.search(found) or _ENDLESS.search(found) else found


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
            return _settled(await self._verifier.verify_async(Job(pair.teacher, pair.student, "math", pair.problem)))
        said = [final_answer(text) or text for text in (pair.teacher, pair.student)]
        if said != [pair.teacher, pair.student] and comparable(*said):
            found = await self._verifier.verify_async(Job(said[0], said[1], "math", pair.problem))
            if found.is_correct:
                return Verdict(True, found.how, free=True)
        if quantity(pair.teacher) and quantity(pair.student):
            return None
        teacher, student = formula(pair.teacher), formula(pair.student)
        if teacher is None or student is None:
            return None
        found = await self._verifier.verify_async(Job(teacher, student, "math"))
        # A "no" counts between numbers alone: equations, lists and intervals can be written in more ways than it reads.
        texts = pair.teacher, pair.student
        exact = all(map(_NUMERIC.fullmatch, (teacher, student))) and not any(map(_NEARLY.search, texts))
        certain = found.is_correct or (found.differs and exact and not any(map(goes_on, texts)))
        return Verdict(found.is_correct, found.how, free=True) if certain else None
