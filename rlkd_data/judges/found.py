"""Whether an answer finds anything at all: a step that states no result does not answer its question.

A sentence embedder calls an answer the same with its result and without ("45 - 40 = 5 hours", "45 - 40 hours"), so a
judge is not asked about answers that the numbers in them tell apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from rapidfuzz import fuzz

from rlkd_data.answers.arrived import arrived
from rlkd_data.answers.numbers import Number
from rlkd_data.answers.rounding import may_round
from rlkd_data.answers.typeset import MINUS
from rlkd_data.judges.base import Judge, Pair, Verdict, answers_of
from rlkd_data.judges.equal import equal
from rlkd_data.structure.bare import bare
from rlkd_data.structure.number_words import spoken
from rlkd_data.structure.numbers import numbers, numbers_of_text, result_of

NO_RESULT = "no result"
"""`how` of a verdict about an answer that lacks what the teacher's arrives at."""
DIFFER = "answers differ"
"""`how` of a verdict about whole steps whose answers are known to differ."""
_PERCENT = re.compile(r"%|\bper\s?cent|\bpercent|¢|\bcents?\b", re.IGNORECASE)
_NUMBER = r"[$€£]?\d++(?:,\d++)*+(?:\.\d++)?\)?%?"
_OPERATION = re.compile(
    rf"(?<!\d)(?<!\d[.,]){_NUMBER}(?:\s*+[^\W\d]{{1,12}}){{0,2}}\s*+(?:[-+*/×÷·^]|\bx\b|\\times|\\cdot)\s*\(?(?={_NUMBER})"
)
_LAST = re.compile(rf"\x00\s*\(?{_NUMBER}")
_FRACTION = re.compile(r"(?<![\d./])(\d{1,9})\s*/\s*(\d{1,9})[^\w/]*$")
_FORMULA = re.compile(r"\d[a-zA-Z](?![^\W\d_])|\^|\\\w|(?<![^\W\d_])[b-zB-HJ-Z]\s*[-=+*/]|\[")
_SAID_AGAIN, _WORDS_AGAIN = 95.0, 4


def finds_nothing(teacher: str, student: str) -> bool:
    """Whether the student's answer lacks the result that the teacher's arrives at, so that they differ, whatever their
    words: its number stands nowhere in the student's, be it rounded, as a fraction, in number words or per cent.

    False where that cannot be said: the teacher's arrives at no quantity, or at one that its own text does not say but
    as an operand (`3 x 4`), or both arrive at one and differ by what may be a unit (`answers.arrived.same` leaves that
    open).
    """
    if student.rstrip().endswith(("?", "？")) and not teacher.rstrip().endswith(("?", "？")):
        return True
    wanted = arrived(teacher)
    said = arrived(student) if wanted is not None else None
    if wanted is not None and said is not None and said.certain and wanted.certain:
        return False
    value = decimal(wanted.value) if wanted is not None else None
    if value is None or not states(teacher, value):
        return False
    return not states(student, value, percent=_PERCENT.search(teacher) is not None)


@lru_cache(maxsize=4096)
def concluded(answer: str) -> Decimal | None:
    """The number that an answer seems to arrive at: its quantity, else the last number that it says; None for a
    formula. Evidence, where `arrived` may be certain."""
    if fraction := _FRACTION.search(answer):
        above, below = int(fraction[1]), int(fraction[2])
        if below and above % below:
            return Decimal(f"{above / below:.6f}")
    found = arrived(answer)
    value = decimal(found.value) if found is not None else None
    if value is not None:
        return value
    if _FORMULA.search(answer):
        return None
    result = result_of(answer)
    if result is not None:
        return Decimal(result)
    said = spoken(answer)
    return next(iter(said)) if len(said) == 1 else None


@lru_cache(maxsize=1 << 14)  # in sequence, each step meets each of every teacher's, alone and as part of several
def conclude_alike(teacher: str, student: str) -> bool | None:
    """Whether two answers seem to arrive at the same number: each states what the other concludes. False where neither
    states the other's; None where that cannot be told."""
    wanted, said = concluded(teacher), concluded(student)
    if wanted is None or said is None:
        return None
    there, back = states(student, abs(wanted)), states(teacher, abs(said))
    return True if there and back else False if not there and not back else None


def states(text: str, value: Decimal, *, percent: bool = False) -> bool:
    """Whether a number stands in a text: in digits or words, as a fraction, rounded; a hundred times as large or small
    where either is `percent`. Its sign may stand apart from it, so it does not count."""
    percent = percent or _PERCENT.search(text) is not None
    return any(_is(value, number, percent) for number in _stated(text))


def says_again(question: str, answer: str) -> bool:
    """Whether an answer is its own question once more: nearly the same letters, in four words or more, and no number
    that the question has not."""
    asked, said = bare(question), bare(answer)
    if said.count(" ") < _WORDS_AGAIN - 1 or fuzz.ratio(asked, said) < _SAID_AGAIN:
        return False
    return _stated(answer) <= _stated(question)


class FoundFirst:
    """Asks another judge only about answers that find something (`finds_nothing`), and about whole steps whose answers
    do and are not known to differ; all other parts go through."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.whole = judge.whole

    async def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        settled = [_settled(pair) for pair in pairs]
        open_ = [pair for pair, verdict in zip(pairs, settled, strict=True) if verdict is None]
        asked = iter(await self._judge.judge(open_) if open_ else ())
        return [verdict if verdict is not None else next(asked) for verdict in settled]

    async def close(self) -> None:
        await self._judge.close()


def _settled(pair: Pair) -> Verdict | None:
    if pair.part == "answer":
        return Verdict(False, NO_RESULT, free=True) if finds_nothing(pair.teacher, pair.student) else None
    if pair.part != "step":
        return None
    answers = answers_of(pair)
    known = equal(answers)
    if known is not None and known.match:
        return None
    if finds_nothing(answers.teacher, answers.student):
        return Verdict(False, NO_RESULT, free=True)
    return Verdict(False, DIFFER, free=True) if known is not None and known.match is False else None


@lru_cache(maxsize=4096)
def _stated(answer: str) -> frozenset[Decimal]:
    """The numbers that a text says, but for the operands of its calculations: `4 - 2 hours` says neither 2 nor 4. What
    a fraction comes to counts where it is no whole number: `16 / 2` does not say 8."""
    plain = _LAST.sub(" ", _OPERATION.sub("\x00", answer.translate(MINUS).replace("\x00", " ")))
    fractions = {Decimal(number) for number in numbers_of_text(answer) - numbers(answer)}
    whole = {value for value in fractions if value == value.to_integral_value()}
    return spoken(plain) | frozenset(map(Decimal, numbers(plain))) | (fractions - whole)


def _is(wanted: Decimal, said: Decimal, percent: bool) -> bool:
    scales = (Decimal(1), Decimal(100), Decimal("0.01")) if percent else (Decimal(1),)
    return any(_rounds(abs(wanted), said * scale) for scale in scales)


def _rounds(one: Decimal, other: Decimal) -> bool:
    if one == other:
        return True
    if min(one, other) > 0 and max(one, other) / min(one, other) >= 2:
        return False  # what `same` leaves open there is a change of unit
    return may_round(*(Number(Fraction(value), _places(value)) for value in (one, other)))


def _places(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)
