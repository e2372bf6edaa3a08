"""Whether a decimal stands for a value that it rounds. Pure."""

from __future__ import annotations

import re
from fractions import Fraction

from rlkd_data.answers.numbers import Number

_ASKS_DECIMAL = re.compile(
    r"\bround(?:ed|ing)?\b|\bdecimals?\b|\bnearest\b|significant (?:figure|digit)|\bapproximat|\bestimate|to"
    r" (?:the )?\w+ places"
    r"|保留|小数|四舍五入|精确到|约为|近似|≈|\\approx",
    re.IGNORECASE,
)
_PLACES = re.compile(
    r"(?P<count>\d+|one|two|three|four|five|six) decimal|nearest (?P<unit>tenth|hundredth|thousandth|cent|integer"
    r"|whole|dollar)"
    r"|保留(?P<cjk>[一二两三四五\d])位?小数",
    re.IGNORECASE,
)
_PLACE_WORDS = {
    **{word: n for n, word in enumerate(["one", "two", "three", "four", "five", "six"], 1)},
    **{"tenth": 1, "hundredth": 2, "thousandth": 3, "cent": 2, "integer": 0, "whole": 0, "dollar": 0},
    **{"一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5},
}
_LARGEST = 100
_SURE_DIGITS = 6
"""Significant digits with which a decimal is taken for the value that it rounds, unasked."""


def asks_decimal(problem: str | None) -> bool:
    """Whether a problem wants a decimal: it says round, nearest, decimal places, 保留."""
    return _ASKS_DECIMAL.search(problem or "") is not None


def rounded(gold: Number, answer: Number, problem: str | None) -> bool | None:
    """Whether two numbers that are not equal are one, rounded: to six digits and more in any case; to gold's own where
    the problem asks for a decimal, and of an exact gold to the places that it asks for. None where it does not say how
    many."""
    for coarse, fine in ((gold, answer), (answer, gold)):
        if coarse.rounded and _digits(coarse) >= _SURE_DIGITS and fine.places is None and _within(coarse, fine):
            return True
    if not asks_decimal(problem):
        return False
    if gold.rounded and _within(gold, answer):
        return True
    if answer.rounded and _within(answer, gold):  # with fewer digits than gold's
        wanted = _places(problem)
        return None if wanted is None else (answer.places or 0) >= wanted
    return None if gold.places == 0 and answer.rounded and _within(gold, answer) else False


def may_round(one: Number, other: Number) -> bool:
    """Whether one of two numbers may be the other rounded, where nothing is known of what was asked. A whole number may
    where two decimals and more were dropped: 2 is not 1.5."""
    for coarse, fine in ((one, other), (other, one)):
        dropped = (fine.places if fine.places is not None else _LARGEST) > max(coarse.places or 0, 1)
        if coarse.places is not None and dropped and _within(coarse, fine):
            return True
    return False


def _places(problem: str | None) -> int | None:
    found = _PLACES.search(problem or "")
    if found is None:
        return None
    word = (found["count"] or found["unit"] or found["cjk"]).lower()
    return int(word) if word.isdigit() else _PLACE_WORDS[word]


def _within(coarse: Number, fine: Number) -> bool:
    return abs(coarse.value - fine.value) * 2 <= Fraction(1, 10 ** (coarse.places or 0))


def _digits(one: Number) -> int:
    scaled = abs(one.value) * 10 ** (one.places or 0)
    return len(str(int(scaled))) if scaled >= 1 else 0
