r"""Plain numbers as people write them, exactly: grouped, decimal, mixed, in scientific notation, in words. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from rlkd_data.answers.typeset import bare, clean

_LARGEST_POWER = 4000
_LARGEST_FACTORIAL = 400
_LONGEST = 2000
"""Digits up to which a number is read exactly."""
_DECIMAL = (
    r"(?:[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?|[1-9]\d{0,2}(?:[ ']\d{3})+(?:\.\d*)?|\d{1,2}(?:,\d{2})+,\d{3}|\d+(?:_\d{3})+"
    r"|\d+(?:\.\d*)?|\.\d+)"
)
_POWER = r"\{?\s*(?P<power>[-+]?\d+)\s*\}?"
_SIGN = r"(?P<sign>[-+]?)\s*"
_PLAIN = re.compile(rf"{_SIGN}(?P<digits>{_DECIMAL})(?:[eE](?P<exponent>[-+]?\d{{1,5}}))?")
_SCIENTIFIC = re.compile(
    rf"{_SIGN}(?:(?P<digits>{_DECIMAL})\s*(?:\\times|\\cdot|[xX*])\s*)?10\s*(?:\^|\*\*)\s*{_POWER}"
)
_POWERS = re.compile(rf"{_SIGN}(?P<base>\d{{1,6}})\s*\^\s*{_POWER}")
_FRACTION = re.compile(
    rf"{_SIGN}(?:\\frac\s*\{{\s*(?P<top>-?\s*{_DECIMAL})\s*\}}\s*\{{\s*(?P<bottom>-?\s*{_DECIMAL})\s*\}}"
    rf"|\(?(?P<over>-?{_DECIMAL})\s*/\s*(?P<under>{_DECIMAL})\)?)"
)
_MIXED = re.compile(
    rf"{_SIGN}(?P<whole>\d+(?:,\d{{3}})*)(?:\s*(?:and\s+)?\\frac\s*\{{\s*(?P<top>\d+)\s*\}}\s*\{{\s*(?P<bottom>\d+)\s*\}}"
    r"|\s+(?:and\s+)?(?P<over>\d+)\s*/\s*(?P<under>\d+))"
)
_FACTORIAL = re.compile(rf"{_SIGN}(?P<of>\d{{1,3}})\s*!")
_REPEATING = re.compile(rf"{_SIGN}(?P<whole>\d+)\.(?P<fixed>\d*)\\(?:overline|dot|bar)\s*\{{?(?P<again>\d+)\}}?")
_EUROPEAN = re.compile(rf"{_SIGN}(?:\d{{1,3}}(?:[. ]\d{{3}})+,\d+|\d+,\d+)")
_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_WORDS = {word: n for n, word in enumerate(_ONES)} | {word: 10 * n for n, word in enumerate(_TENS, 2)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}
_PARTS = {
    "half": 2,
    "halve": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "eighth": 8,
    "tenth": 10,
}
_FRACTION_WORDS = re.compile(
    rf"(?:(?P<count>a|{'|'.join(_ONES[1:10])})\s)?(?P<part>half|(?:halve|{'|'.join(list(_PARTS)[2:])})s?)"
)
_SMALL_PARTS = {f"{word}s": n for word, n in _PARTS.items() if n > 2 and word != "quarter"} | {
    f"{word}s": n for word, n in (("seventh", 7), ("ninth", 9), ("hundredth", 100), ("thousandth", 1000))
}
"""Behind digits; quarters may be coins."""
_AND_A_PART = re.compile(r"(?P<whole>\S.*?)\s+and\s+(?:a|one)\s+(?P<part>half|third|quarter)")
_BELOW_ZERO = re.compile(r"(?:minus|negative)\s+(?P<of>[^\s-].*)", re.IGNORECASE)
_CHINESE_SCALES = {"百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
_SCALED = re.compile(r"(?P<number>.*[\d}])\s*(?P<scale>[a-z]+|[百千万亿])", re.IGNORECASE)
_CHINESE = {sign: n for n, sign in enumerate("零一二三四五六七八九十")} | {"两": 2}


@dataclass(frozen=True, slots=True)
class Number:
    """`places`: the decimals that were written, where it was written as a decimal; None where it is exact by its form.
    `fraction`: written as a fraction, a mixed number or a power."""

    value: Fraction
    places: int | None = None

    @property
    def rounded(self) -> bool:
        """Whether it may be the rounding of another."""
        return self.places is not None and self.places > 0


def number(text: str) -> Number | None:
    """What a cleaned text means that is one plain number and nothing else; None for any other."""
    text = bare(text).strip()
    if text[:1] == "(" and text[-1:] == ")" and "(" not in text[1:]:
        text = text[1:-1].strip()
    if text[:1] == "{" and text[-1:] == "}" and "{" not in text[1:]:
        text = text[1:-1].strip()
    if not text or len(text) > _LONGEST:
        return None
    if (found := _BELOW_ZERO.fullmatch(text)) is not None:
        inner = _written(found["of"]) or _scaled(found["of"])
        return Number(-inner.value, inner.places) if inner is not None else _spelled(text.lower())
    return _written(text) or _scaled(text) or _spelled(text.lower())


def as_number(text: str) -> Decimal | None:
    """A plain decimal number, perhaps grouped, with a dollar sign or bold around it; None for any other text, fractions
    among them."""
    found = number(clean(text).removeprefix("$").strip())
    if found is None or found.places is None or found.places > _LONGEST:
        return None
    return Decimal(found.value.numerator) / Decimal(found.value.denominator)


def with_decimal_comma(text: str) -> Number | None:
    """What a text means whose comma is a decimal sign: `1,22`, `1.234,5`. Where it could be two numbers (`3,5`), None:
    at least two decimals, or a zero before them, tell."""
    text = bare(text).strip()
    if not _EUROPEAN.fullmatch(text):
        return None
    whole, _, decimals = text.partition(",")
    if len(decimals) < 2 and whole.lstrip("+-") != "0" and "." not in whole:
        return None
    return _written(re.sub(r"[. ]", "", whole) + "." + decimals)


def _written(text: str) -> Number | None:  # noqa: PLR0911 - a kind each
    if found := _PLAIN.fullmatch(text):
        digits, exponent = _digits(found["digits"]), int(found["exponent"] or 0)
        if abs(exponent) > _LARGEST_POWER:
            return None
        value = _signed(found, Fraction(digits) * Fraction(10) ** exponent)
        places = len(digits.partition(".")[2]) - exponent
        return Number(value, max(places, 0))
    if found := _SCIENTIFIC.fullmatch(text):
        power, digits = int(found["power"]), _digits(found["digits"] or "1")
        if abs(power) > _LARGEST_POWER:
            return None
        decimals = max(len(digits.partition(".")[2]) - power, 0) if found["digits"] else None
        return Number(_signed(found, Fraction(digits) * Fraction(10) ** power), decimals)
    if found := _POWERS.fullmatch(text):
        base, power = int(found["base"]), int(found["power"])
        if abs(power) * base.bit_length() > 4 * _LARGEST_POWER or (base == 0 and power <= 0):
            return None
        return Number(_signed(found, Fraction(base) ** power))
    if found := _MIXED.fullmatch(text):
        top, bottom = int(found["top"] or found["over"]), int(found["bottom"] or found["under"])
        if top >= bottom or bottom == 0:
            return None
        return Number(_signed(found, int(found["whole"].replace(",", "")) + Fraction(top, bottom)))
    if found := _FRACTION.fullmatch(text):
        over = Fraction(_digits(found["top"] or found["over"]))
        under = Fraction(_digits(found["bottom"] or found["under"]))
        return Number(_signed(found, over / under)) if under else None
    if (found := _FACTORIAL.fullmatch(text)) and int(found["of"]) <= _LARGEST_FACTORIAL:
        return Number(_signed(found, Fraction(math.factorial(int(found["of"])))))
    if found := _REPEATING.fullmatch(text):
        fixed, again = found["fixed"], found["again"]
        tail = Fraction(int(again), (10 ** len(again) - 1) * 10 ** len(fixed))
        return Number(_signed(found, Fraction(f"{found['whole']}.{fixed or 0}") + tail))
    return None


def _scaled(text: str) -> Number | None:
    """`2.5 million`, `3 dozen`, `12万`, `5 hundredths`."""
    found = _SCALED.fullmatch(text)
    if found is None:
        return None
    word = found["scale"].lower()
    if (part := _SMALL_PARTS.get(word)) is not None:
        count = _written(found["number"].strip())
        return None if count is None else Number(count.value / part)
    scale = _CHINESE_SCALES.get(word) or _SCALES.get(word) or _SCALES.get(word.removesuffix("s"))
    inner = _written(found["number"].strip()) if scale else None
    if inner is None or scale is None:
        return None
    places = None if inner.places is None else max(inner.places - len(str(scale)) + 1, 0)
    return Number(inner.value * scale, places)


def _spelled(text: str) -> Number | None:
    """`twenty-one`, `one hundred and five`, `minus three`, `十二`."""
    if text and all(sign in _CHINESE for sign in text) and len(text) <= 3:
        return _chinese(text)
    words = [word for word in re.split(r"[\s-]+", text) if word and word != "and"]
    if (parts := _FRACTION_WORDS.fullmatch(" ".join(words))) is not None:
        return Number(Fraction(_WORDS.get(parts["count"] or "one", 1), _PARTS[parts["part"].removesuffix("s")]))
    if (mixed := _AND_A_PART.fullmatch(text)) is not None and (whole := number(mixed["whole"])) is not None:
        return Number(whole.value + Fraction(1, _PARTS[mixed["part"]]))
    negative = bool(words) and words[0] in ("minus", "negative")
    words = words[negative:]
    if not words or not all(word in _WORDS or word in _SCALES or word == "a" for word in words) or words == ["a"]:
        return None
    total = current = 0
    for word in words:
        if word == "a":
            current += 1
        elif word in _WORDS:
            if current % 10 or (current % 100 and _WORDS[word] >= 10):
                return None  # two numbers, one behind the other
            current += _WORDS[word]
        elif word in ("hundred", "dozen"):
            current = max(current, 1) * _SCALES[word]
        else:
            total, current = total + max(current, 1) * _SCALES[word], 0
    value = Fraction(total + current)
    return Number(-value if negative else value, 0)


def _chinese(text: str) -> Number | None:
    tens, ten, ones = text.partition("十")
    if not ten:
        return Number(Fraction(_CHINESE[text]), 0) if len(text) == 1 else None
    if len(tens) > 1 or len(ones) > 1:
        return None
    return Number(Fraction((_CHINESE[tens] if tens else 1) * 10 + (_CHINESE[ones] if ones else 0)), 0)


def _digits(text: str) -> str:
    found = re.sub(r"[,'_ ]", "", text)
    return found[:-1] if found.endswith(".") else found


def _signed(found: re.Match[str], value: Fraction) -> Fraction:
    return -value if found["sign"] == "-" else value
