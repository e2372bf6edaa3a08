"""The numbers in a text, each written in one way, so that `1,200.0` and `1200` are the same."""

from __future__ import annotations

import re

from rlkd_data.structure.number_words import SMALL, TENS

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_FRACTION = re.compile(r"(\d{1,9})\s*/\s*(\d{1,9})|\\d?t?frac\s*\{?(\d{1,9})\}?\s*\{?(\d{1,9})\}?")
_WORDS = (
    {word: str(number) for number, word in enumerate(SMALL)}
    | {word: str(10 * number) for number, word in enumerate(TENS, 2)}
    | {"once": "1", "twice": "2", "double": "2", "half": "0.5"}
)
_WORD = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b", re.IGNORECASE)


def numbers(text: str) -> set[str]:
    """The numbers written in digits."""
    return {canonical(number) for number in _NUMBER.findall(text)}


def numbers_of_text(text: str) -> set[str]:
    """The numbers that a text states in any way: in digits, as a fraction's value (to six places), or as a small number
    word."""
    found = numbers(text) | {_WORDS[word.lower()] for word in _WORD.findall(text)}
    for above, below, latex_above, latex_below in _FRACTION.findall(text):
        divisor = int(below or latex_below)
        if divisor:
            found.add(canonical(f"{int(above or latex_above) / divisor:.6f}"))
    return found


def canonical(number: str) -> str:
    """A number without thousands' commas, leading zeros and zeros behind the point."""
    whole, _, fraction = number.replace(",", "").partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole.lstrip('0') or '0'}.{fraction}" if fraction else whole.lstrip("0") or "0"


def result_of(answer: str) -> str | None:
    """The number that an answer arrives at: the first behind its last equals sign, or its last; None where none is."""
    _, equals, after = answer.rpartition("=")
    found = _NUMBER.findall(after)[:1] if equals else []
    found = found or _NUMBER.findall(answer)[-1:]
    return canonical(found[0]) if found else None
