"""Numbers written in English words: `twenty-five`, `three hundred and two`, `1.5 million`."""

from __future__ import annotations

import re
from decimal import Decimal

SMALL: tuple[str, ...] = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
SMALL += ("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
"""By their values, from zero."""
TENS: tuple[str, ...] = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
"""From two tens."""
_VALUES: dict[str, Decimal] = (
    {word: Decimal(value) for value, word in enumerate(SMALL)}
    | {word: Decimal(10 * value) for value, word in enumerate(TENS, 2)}
    | {"dozen": Decimal(12), "half": Decimal("0.5"), "quarter": Decimal("0.25"), "once": Decimal(1)}
    | {"twice": Decimal(2), "double": Decimal(2), "thrice": Decimal(3), "triple": Decimal(3)}
    | {"none": Decimal(0), "nothing": Decimal(0), "nobody": Decimal(0), "no": Decimal(0)}
)
_SCALES = {"hundred": Decimal(100)} | {
    word: Decimal(10**power) for word, power in (("thousand", 3), ("million", 6), ("billion", 9), ("trillion", 12))
}
_TOKEN = re.compile(r"\d[\d,]*(?:\.\d+)?|[a-z]+", re.IGNORECASE)


def spoken(text: str) -> frozenset[Decimal]:
    """The values of the runs of number words in a text; digits count where a scale follows them (`2 million`)."""
    found: set[Decimal] = set()
    whole = part = Decimal(0)
    running = False
    last = ""
    for match in [*_TOKEN.finditer(text), None]:
        word = match[0].lower() if match else ""
        if word and word[0].isdigit():
            if running:
                found.add(whole + part)
            whole, part, running = Decimal(0), Decimal(word.replace(",", "")), False
        elif word in _SCALES and (running or last[:1].isdigit()):
            if word == "hundred":
                part *= _SCALES[word]
            else:
                whole, part = whole + part * _SCALES[word], Decimal(0)
            running = True
        elif word in _VALUES or word in _SCALES:
            value = _VALUES.get(word, _SCALES.get(word, Decimal(0)))
            if running and not _joins(last, word):
                found.add(whole + part)
                whole = part = Decimal(0)
            part, running = (part if running else Decimal(0)) + value, True
            whole = whole if last in _SCALES or last in TENS or last in ("and", "hundred") else Decimal(0)
        elif not (word == "and" and running and last in _SCALES):
            if running:
                found.add(whole + part)
            whole, part, running = Decimal(0), Decimal(0), False
        last = word
    return frozenset(found)


def _joins(last: str, word: str) -> bool:
    """Whether a word goes on the number before it: `twenty` + `five`, `hundred` (`and`) + `two`."""
    return (last in TENS and word in SMALL[1:10]) or last in _SCALES or last == "and"
