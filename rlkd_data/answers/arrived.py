"""The quantity that a step's answer arrives at, and whether two are the same, as far as their texts say so for certain.

A step's answer is no final answer: it may round, tell the same in another unit, and say other numbers on its way. So
what `verdict` calls wrong is open here where one of these can be why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from rlkd_data.answers.compare import Comparison
from rlkd_data.answers.final import last_boxed
from rlkd_data.answers.quantities import VAGUE
from rlkd_data.answers.read import read
from rlkd_data.answers.rounding import may_round
from rlkd_data.answers.shapes import Named, Scalar
from rlkd_data.answers.stated import stated
from rlkd_data.answers.typeset import bare, clean
from rlkd_data.answers.verdict import NeedsEngine, NoEngine

_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_FORMULA = re.compile(r"[<>≤≥≠±^_√π∞~]|\\(?!text|boxed|[$%,;! ()])[A-Za-z]")
_LETTER = r"(?<![^\W\d_])(?<!['’\\])[b-hj-zB-HJ-Z](?![^\W\d_])"
_UNKNOWN = re.compile(rf"{_LETTER}(?=\s*[-+*/^)])|[-+*/^(]\s*{_LETTER}|\d[a-zA-Z](?![^\W\d_])\s*[-+*/^=]")
"""A letter that is calculated with."""
_LAST = re.compile(r"(?:[^A-Za-z]|(?<![A-Za-z])[A-Za-z](?![A-Za-z]))*\Z")
"""The formula that a text ends with."""
_TIMES = re.compile(r"(?<=[\d)])\s*[xX]\s*(?=[$€£(]?[\d.])")
_EQUALS = re.compile(r"=|≈|\\approx\b")
_DIVIDED = re.compile(r"\d\s+/\s+\d")
"""A calculation that was not carried out: `16 / 3 eggs`."""
_WORD = re.compile(r"[^\W\d_]")
_RATIOS = frozenset((2, 3, 4, 7, 8, 10, 12, 14, 16, 24, 30, 36, 52, 60, 144, 365, 1440, 3600, 5280))
"""By how much one unit is larger than another; hundreds and thousands apart."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """`certain`: the text holds no other number that could be meant. `plain`: it holds nothing but it."""

    at: Scalar
    certain: bool
    plain: bool

    @property
    def value(self) -> Fraction:
        assert self.at.number is not None
        return self.at.number.value


@lru_cache(maxsize=4096)  # a teacher's answers come back with every completion
def arrived(answer: str) -> Arrived | None:
    """The quantity that an answer arrives at: all of it, what it states, or the last number that it says; None where it
    arrives at a formula, a list, an interval or a relation, or where words say that it need not be that number."""
    if (whole := _scalar(answer)) is not None:
        return Arrived(whole, certain=True, plain=_WORD.search(bare(clean(answer))) is None)
    behind = _EQUALS.split(answer)[1:]
    if behind and last_boxed(answer) is None:
        left, right = (_TIMES.sub("*", side) for side in _EQUALS.split(answer)[-2:])
        unknown = _UNKNOWN.search("".join(_LAST.findall(left))) or _UNKNOWN.search(right)
        return None if unknown else _first(behind[-1])
    found = stated(answer)
    if found is not None and (at := _scalar(found.text)) is not None:
        more = _DIGITS.search(answer.rpartition(found.text)[2]) if found.text in answer else None
        return Arrived(at, found.certain and more is None, plain=False)
    numbers = list(_DIGITS.finditer(answer))
    if (
        not numbers
        or VAGUE.search(answer)
        or _DIVIDED.search(answer)
        or _FORMULA.search(answer)
        or _UNKNOWN.search(answer)
    ):
        return None
    last = _scalar(numbers[-1][0])
    return None if last is None else Arrived(last, certain=False, plain=False)


def _first(text: str) -> Arrived | None:
    """What a calculation comes to: the number that its last side begins with."""
    if (whole := _scalar(text)) is not None:
        return Arrived(whole, certain=True, plain=False)
    numbers = list(_DIGITS.finditer(text))
    found = stated(text) if len(numbers) == 1 else None
    if found is not None and (at := _scalar(found.text)) is not None:
        return Arrived(at, found.certain, plain=False)
    value = _scalar(text[: numbers[0].end()]) if numbers else None
    return None if value is None else Arrived(value, certain=False, plain=False)


def same(one: Arrived, other: Arrived) -> bool | None:
    """Whether two quantities are the same; None where that depends on more than they tell: on the conversion of units,
    on how far was rounded, on which of several numbers is meant."""
    try:
        found = Comparison(NoEngine()).same(one.at, other.at)
    except NeedsEngine:
        return None
    if found is not False:
        return found
    if not (one.certain and other.certain):
        return None
    if one.value == -other.value:
        return False if one.plain and other.plain else None
    units = {one.at.unit, other.at.unit}
    scaled = None in units and _scaled(one.value, other.value, measured=len(units) > 1)
    return None if scaled or _rounds(one, other) else False


def _scalar(text: str) -> Scalar | None:
    shape = read(text)
    while isinstance(shape, Named):
        shape = shape.of
    if not isinstance(shape, Scalar) or shape.number is None:
        return None
    undone = "=" not in text and (_DIVIDED.search(text) or ("/" in text and shape.number.value.denominator == 1))
    return None if undone else shape


def _rounds(one: Arrived, other: Arrived) -> bool:
    left, right = one.at.number, other.at.number
    assert left is not None and right is not None
    return may_round(left, right)


def _scaled(one: Fraction, other: Fraction, *, measured: bool) -> bool:
    """Whether the one may be the other in percent or in thousands, or, where one is `measured`, in another unit."""
    if not one or not other:
        return False
    ratio = max(abs(one), abs(other)) / min(abs(one), abs(other))
    return (measured and ratio in _RATIOS) or (ratio >= 100 and str(ratio).strip("0") == "1")
