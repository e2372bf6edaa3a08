"""The quantity that an answer arrives at, and whether two are the same, as far as their texts say so for certain."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

from rlkd_data.answers.final import last_boxed

_DOLLARS = re.compile(r"\$([^$\n]*[^$\d\s,.][^$\n]*)\$(?!\d)")
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
MINUS = str.maketrans(dict.fromkeys("−‐‑–﹣－", "-"))
_TEXT = re.compile(r"\\(?:text\w*|mathrm|mbox)\s*\{([^{}]*)\}")
_GROUPED = re.compile(r"(?<=\d)(?:[\u00a0\u2009\u202f]|\\[,; ])(?=\d{3}(?!\d))")
_SPACED = re.compile(r"(\W*\d{1,3})((?: \d{3})+)((?:\.\d+)?[^\d\w]*)")
_UNMARKED = re.compile(r"\\!\s*|\\[()\[\]]|\\(?=[$%])|\\[,;: ]|\*\*|\$(?!\s*-?[\d.])|~(?=[A-Za-z])")
"""What only sets an answer: spacing, delimiters, bold. A dollar sign before a number is a currency."""

_EQUALS = re.compile(r"(?<![<>!=])=(?!=)|≈|\\approx\b")
_LETTER = r"(?<![^\W\d_])(?<![\\'’])(?![aAI]\b)[A-Za-z](?![^\W\d_])"
_VARIABLE = re.compile(_LETTER)
_TAIL = re.compile(rf"(?:[-+*/^(){{}}$\s\d\\_|]|[.,](?=\d)|(?<=\\)[A-Za-z]+|{_LETTER})*$")
"""The formula that a text ends with."""
_NAME = re.compile(r"[\s$(]*[A-Za-z](?:_\{?\w+\}?)?\s*\$?\s*")
_TIMES = re.compile(r"(?<=[\s\d)])[xX×](?=\s*[$€£]?[\d.(])")
_TERM = re.compile(r"\d[A-Za-z]\b|[-+*/^]\s*[A-Za-z]\b|\b[A-Za-z]\s*[-+*/^]")
_LONGEST_TAIL = 200
_ASSIGNED = re.compile(r"(?<![\w\\+*/^-])[A-Za-z]\s*=")

_NUMBER = re.compile(
    r"(?<![\w.,])(?P<sign>-?)(?P<currency>[$€£¥]?)(?P<minus>-?)"
    r"(?P<digits>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?!\w|[.,:!]\d|!)"
)
_FORMULA = re.compile(r"[][<>≤≥≠±=^_*+{}|\\√π∞×÷·~²³½¼¾]|/(?![A-Za-z]{2})|\d\s*[-:]|-\s|\(\s*-?\d+,")
_SENTENCE = re.compile(r"[.;!?\n]\s[^\d]*\d")
_LIST = re.compile(r"(?:[\s,;&$]|\band\b|\bor\b)*")
_WORD = re.compile(r"[^\W\d_]+")
_COUNT = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen"
    r"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty)\b",
    re.IGNORECASE,
)
_VAGUE = re.compile(
    r"\b(?:hundreds?|thousands?|(?:m|b|tr)illions?|dozens?|half|halves|thirds?|fourths?|quarters?|twice|thrice|double"
    r"|triple|negative|minus|not|none|nor|between|at (?:least|most)|\w+(?:er|re|ss) than(?=\s+[$€£]?\d)|up to)\b|n't\b",
    re.IGNORECASE,
)
"""Words beside which a number need not be what the answer says: half of 12, at least 3, 2 million, not 5."""

_UNITS = {
    word: words.split()[0]
    for words in (
        "$ dollar dollars usd bucks",
        "€ euro euros",
        "£",
        "¥ yen",
        "cent cents penny pennies",
        "% percent",
        "° degree degrees",
        "second seconds sec",
        "minute minutes min mins",
        "hour hours hr hrs",
        "day days daily",
        "week weeks weekly",
        "month months monthly",
        "year years yearly",
        "mm millimeter millimeters millimetre millimetres",
        "cm centimeter centimeters centimetre centimetres",
        "meter meters metre metres",
        "km kilometer kilometers kilometre kilometres",
        "inch inches",
        "foot feet ft",
        "yard yards",
        "mile miles",
        "mg milligram milligrams",
        "gram grams",
        "kg kilogram kilograms",
        "ounce ounces oz",
        "pound pounds lb lbs",
        "ton tons",
        "ml milliliter milliliters millilitre millilitres",
        "liter liters litre litres",
        "gallon gallons",
        "quart quarts",
        "pint pints",
        "cup cups",
    )
    for word in words.split()
}
_RATIOS = frozenset(map(Decimal, (2, 3, 4, 7, 8, 10, 12, 14, 16, 24, 30, 36, 52, 60, 144, 365, 1440, 3600, 5280)))
"""By how much one unit is larger than another; hundreds and thousands apart."""
_NO_RATIO = frozenset(["$", "€", "£", "¥", "cent", "%", "°"])
"""Units between which there are only hundreds."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """`certain`: the text holds no other number that could be meant. `plain`: it holds nothing else at all. `units` are
    those that are known, each under one name."""

    value: Decimal
    units: frozenset[str]
    certain: bool
    plain: bool


@lru_cache(maxsize=4096)  # a teacher's answers come back with every completion
def quantity(answer: str) -> Quantity | None:
    """The number that an answer arrives at, behind its last equals sign or as its last one; None where it arrives at a
    formula, a list, an interval or a relation, or where words say that it need not be that number."""
    text = end(answer)
    if len(_BOX.findall(answer)) > 1 or len(_ASSIGNED.findall(answer)) > 1 or _VAGUE.search(text):
        return None
    bare = _UNMARKED.sub(" ", _GROUPED.sub("", _TEXT.sub(r" \1", text.replace("{,}", ",")).replace("\\!", ""))).strip()
    if spaced := _SPACED.fullmatch(bare):
        bare = spaced[1] + spaced[2].replace(" ", "") + spaced[3]
    found = list(_NUMBER.finditer(bare))
    rest = _NUMBER.sub(" ", bare)
    if not found or re.search(r"\d", rest) or _FORMULA.search(rest) or _operation(bare, found) or _unknown(bare):
        return None
    computed = text != answer.translate(MINUS) and _EQUALS.search(answer) is not None
    chosen, behind = (found[0], bare[found[0].end() :]) if computed else (found[-1], bare[found[-1].end() :])
    others = _SENTENCE.search(behind) if computed else found[1:]
    value = Decimal(chosen["digits"].replace(",", ""))
    return Quantity(
        -value if chosen["sign"] or chosen["minus"] else value,
        _units(chosen["currency"], _NUMBER.split(behind, maxsplit=1)[0]),
        not (others or _COUNT.search(rest) or goes_on(answer)),
        not _WORD.search(rest),
    )


def same(one: Quantity, other: Quantity) -> bool | None:
    """Whether two quantities are the same; None where that depends on more than they tell: on the conversion of units,
    on how far was rounded, on which of several numbers is meant."""
    if not (one.units <= other.units or other.units <= one.units):
        return None
    if one.value == other.value:
        return True
    if not (one.certain and other.certain):
        return None
    if one.value == -other.value:
        return False if one.plain and other.plain else None
    scaled = _scaled(one.value, other.value, (one.units ^ other.units) - _NO_RATIO)
    return None if scaled or _rounded(one.value, other.value) or _rounded(other.value, one.value) else False


def end(answer: str) -> str:
    r"""Where an answer arrives: its last `\boxed{…}`, else its last `$…$`, else all of it; of that, what stands behind
    the last equals sign, unless that makes an equation of variables. Minus signs of all kinds are `-`."""
    answer = answer.translate(MINUS)
    boxed = last_boxed(answer)
    dollars = _DOLLARS.findall(answer)
    marked = boxed if boxed is not None else dollars[-1] if dollars else answer
    parts = [found.span() for found in _EQUALS.finditer(marked)]
    if not parts:
        return marked
    left, right = marked[parts[-2][1] if len(parts) > 1 else 0 : parts[-1][0]], marked[parts[-1][1] :]
    tail = _TAIL.search(_TIMES.sub("*", left[-_LONGEST_TAIL:]))
    formula = tail[0] if tail else ""
    equation = not _NAME.fullmatch(formula) if _VARIABLE.search(formula) else formula.strip() and _TERM.search(right)
    return marked if equation else right


def goes_on(answer: str) -> bool:
    """Whether other numbers stand behind the place where an answer seems to arrive."""
    return re.search(r"\d", answer.translate(MINUS).rpartition(end(answer))[2]) is not None


def _unknown(text: str) -> bool:
    """Whether a letter stands for a quantity: `5 m`, `x`. A capital behind a word is a name: `box B`."""
    return any(
        letter[0].islower() or not re.search(r"[^\W\d_]\.?\s$", text[: letter.start()])
        for letter in _VARIABLE.finditer(text)
    )


def _operation(text: str, found: list[re.Match[str]]) -> bool:
    """Whether numbers are joined to a formula or a list: `16-3`, `7:32`, `4, 5 and 6`."""
    between = [text[one.end() : next_.start()] for one, next_ in pairwise(found)]
    return any(_LIST.fullmatch(gap) or gap.strip() in ("-", ":", "/", "x") for gap in between) or any(
        one["sign"] and text[: one.start()].rstrip()[-1:].isdigit() for one in found
    )


def _units(currency: str, behind: str) -> frozenset[str]:
    words = [currency, *re.findall(r"[^\W\d_]+|[%°€£¥$]", behind.lower())]
    return frozenset(_UNITS[word] for word in words if word in _UNITS)


def _scaled(one: Decimal, other: Decimal, units: frozenset[str]) -> bool:
    """Whether the one is the other in another unit, in percent, in thousands or with another decimal sign."""
    if not one or not other:
        return False
    ratio = max(abs(one), abs(other)) / min(abs(one), abs(other))
    return (ratio >= 100 and ratio.normalize().as_tuple().digits == (1,)) or (bool(units) and ratio in _RATIOS)


def _rounded(coarse: Decimal, fine: Decimal) -> bool:
    """Whether `coarse` is `fine` with fewer decimals; whole numbers count where two decimals and more were dropped."""
    places, exponent = coarse.as_tuple().exponent, fine.as_tuple().exponent
    assert isinstance(places, int) and isinstance(exponent, int)
    return exponent < min(places, -1) and abs(coarse - fine) <= Decimal(1).scaleb(places) / 2
