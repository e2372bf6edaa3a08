"""A number or formula with its unit; words, and words with numbers between them. Pure."""

from __future__ import annotations

import re
from fractions import Fraction

from rlkd_data.answers.numbers import Number, number
from rlkd_data.answers.shapes import Scalar
from rlkd_data.answers.typeset import CLOSE, OPEN, bare, latex
from rlkd_data.answers.units import SI, UNITS, Unit, counted, unit_of

CHUNK = 6
"""Words up to which a part of a list may be a phrase."""
_LONGEST_PHRASE = 12
_EXPONENT = r"(?:\s*\^\s*\{?\s*-?\d\s*\}?)?"
_TAIL = re.compile(
    rf"(?:{OPEN}[^{CLOSE}]*{CLOSE}{_EXPONENT}|(?<![A-Za-z\\_])[A-Za-zμµ]{{2,}}{_EXPONENT}(?![A-Za-z])|(?<=[\s/\d.*])[A-Za-zΩ]{_EXPONENT}(?![A-Za-z])"
    rf"|°\s?[CF](?![A-Za-z])|[°%$€£¥¢₹]|[\u4e00-\u9fff]++{_EXPONENT}|\\(?:Omega|mu)(?![A-Za-z])|[/\s.·]|\\cdot(?![A-Za-z])|(?<=[A-Za-z])['-](?=[A-Za-z]))++$"
)
_CURRENCY = re.compile(
    r"(?P<sign>-?)\s*(?:(?:US|RMB)\s*)?(?P<unit>[$€£¥₹]|(?:USD|EUR|GBP|JPY)(?=\s*[\d.]))\s*(?P<rest>-?[\d.].*)",
    re.DOTALL,
)
_ORDINAL = re.compile(rf"(?<=\d)\s*\^?\s*\{{?\s*{OPEN}?\s*(?:st|nd|rd|th)\s*{CLOSE}?\s*\}}?(?![A-Za-z])")
_UNIT_FRACTION = re.compile(r"\\frac\{([^{}\d]+)\}\{((?:[^{}]|\{\d\})+)\}\s*$")
_PIECE = re.compile(
    rf"(?P<number>-?(?:\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.\d+)?|\\frac\{{\d+\}}\{{\d+\}})\s*"
    rf"(?P<unit>{OPEN}[^{CLOSE}]*{CLOSE}|[A-Za-z]+|[\u4e00-\u9fff]+|[°'])?\s*,?\s*(?:and\s+)?"
)
_FUNCTIONS = frozenset(
    [
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "log",
        "ln",
        "exp",
        "mod",
        "sqrt",
        "max",
        "min",
        "gcd",
        "lcm",
        "det",
        "arcsin",
        "arccos",
        "arctan",
        "sinh",
        "cosh",
        "tanh",
        "lim",
        "sup",
        "inf",
        "arg",
        "dim",
        "ker",
        "deg",
    ]
)
_SMALL_WORDS = frozenset(
    [
        "is",
        "of",
        "to",
        "in",
        "at",
        "by",
        "it",
        "he",
        "we",
        "no",
        "so",
        "if",
        "as",
        "be",
        "an",
        "on",
        "or",
        "up",
        "us",
        "my",
    ]
)
_ARTICLES = frozenset({"a", "an", "the"})
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*\.?")
_TOKEN = re.compile(
    r"\d{1,2}:\d{2}(?:\s*[ap]\.?m\b)?|\d+\s*[ap]\.?m\b|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|[^\W\d_]+",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"\d{1,2}(?::\d\d)?\s*[ap]\.?m\.?\s", re.IGNORECASE)
"""3 pm on Monday are no picometres."""
_RATE = re.compile(
    r"(?P<unit>[$€£¥₹]|(?:USD|EUR|GBP|JPY)(?=\s*\d))\s*(?P<value>\d[\d,]*(?:\.\d+)?)\s*(?P<each>(?:/|per\b|an?\b).+)"
)
_AND_A_PART = re.compile(r"(?P<body>\S.* and (?:a|one) (?:half|third|quarter)) (?P<tail>\S.*)")
_SCALE = re.compile(rf"{OPEN}?\s*(?P<word>[A-Za-z]{{5,}})\s+(?P<rest>\S.*)", re.DOTALL)
VAGUE = re.compile(
    r"\b(?:hundreds|thousands|millions|dozens|half|halves|thirds?|fourths?|quarters?|twice|thrice|double|triple|minus|negative|not|none|"
    r"nor|neither|cannot|never|hardly|"
    r"between|at (?:least|most)|less|fewer|over|under|above|below|up to|times|squared|cubed|factorial"
    r"|root|power|plus|divided|"
    r"multiplied|or more|or less|if|unless|except|without|than)\b|n't\b|至少|至多|不|超过|以上|以下",
    re.IGNORECASE,
)
"""Words beside which a number need not be what the answer says."""


def quantity(text: str, depth: int = 0) -> Scalar | None:  # noqa: PLR0911 - a kind each
    """A number or formula with what stands behind it, or a currency before it. None for any other text."""
    text = _UNIT_FRACTION.sub(_as_unit, text)
    text = _ORDINAL.sub(f" {OPEN}th{CLOSE}", text)
    if (rate := _RATE.fullmatch(bare(text))) and (unit := unit_of(f"{_currency(rate['unit'])} {rate['each']}")):
        return Scalar(rate["value"], number(rate["value"]), unit)  # $5 a day
    if found := _CURRENCY.fullmatch(bare(text)):
        inner = (
            quantity(found["rest"]) if number(found["rest"]) is None else Scalar(found["rest"], number(found["rest"]))
        )
        if (
            inner is None
            or inner.number is None
            or (inner.unit is not None and inner.unit != UNITS.get(_currency(found["unit"])))
        ):
            return None
        signed = Number(-inner.number.value, inner.number.places) if found["sign"] else inner.number
        return Scalar(found["sign"] + inner.text, signed, UNITS[_currency(found["unit"])], inner.counted)
    if (measure := compound(text)) is not None:
        return measure
    match = _TAIL.search(text)
    if match is None or _CLOCK.match(text):
        return None
    body, tail = text[: match.start()].strip(), match[0].strip()
    if (mixed := _AND_A_PART.fullmatch(text)) is not None and number(mixed["body"]) is not None:
        body, tail = mixed["body"], mixed["tail"]
    vague = VAGUE.search(bare(tail)) and bare(tail).strip() != "times" and unit_of(tail) is None
    if not body or not tail or vague:
        return None
    while (scaled := _SCALE.match(tail)) is not None and number(f"{body} {scaled['word']}") is not None:
        body, tail = f"{body} {scaled['word']}", scaled["rest"]  # 8 dozen eggs
    if not tail or body[-1:] == "(" or not (is_formula(bare(body)) or number(body)):
        return None
    value = number(body)
    return _with_tail(text, body, tail, value)


def _currency(sign: str) -> str:
    return sign.lower() if sign.isalpha() else sign


def _as_unit(found: re.Match[str]) -> str:
    r"""`\frac{m}{s^2}` as `m/s^2`, where that is a unit."""
    written = f"{bare(found[1])}/{bare(found[2])}"
    return f" {OPEN}{written}{CLOSE}" if unit_of(written) is not None else found[0]


def _with_tail(text: str, body: str, tail: str, value: Number | None) -> Scalar | None:  # noqa: PLR0911 - a kind each
    plain = bare(tail).strip(" .")
    loose = value is not None and SI.fullmatch(plain) is not None and tail == plain and not _spaced(text, tail)
    if value is None and not re.search(r"[\d})°]$|\\pi$", body):
        return None
    if value is None and len(plain) == 1 and plain.isalpha() and OPEN not in tail:
        return None  # 2\pi r
    words_of = plain.split()
    for count in range(len(words_of), 0, -1):
        unit = unit_of(" ".join(words_of[:count]))
        if unit is not None:
            loose = loose and value is not None and value.places == 0
            rest = counted(" ".join(words_of[count:])) if words_of[count:] else None
            return Scalar(latex(text if loose else body), value, unit, rest, loose)
    if (
        (len(plain) == 1 and plain.isascii())
        or not re.search(r"[^\W\d_]", plain)
        or (value is None and OPEN not in tail)
    ):
        return None
    if any(word in _FUNCTIONS for word in words_of) or len(words_of) > CHUNK or re.search(r"[\^/]", plain):
        return None
    if not _spaced(text, tail) and OPEN not in tail and plain.isascii() and len(plain) < 3:
        return None  # 2ab
    return Scalar(latex(body), value, None, counted(tail))


def _spaced(text: str, tail: str) -> bool:
    return text[: len(text) - len(tail)].endswith(" ") or OPEN in tail


def compound(text: str, depth: int = 0) -> Scalar | None:
    """`2 hours 30 minutes`, `5 ft 6 in`, `2h30`: in the base unit."""
    pieces, place = [], 0
    while place < len(text) and (found := _PIECE.match(text, place)) is not None:
        pieces.append(found)
        place = found.end()
    if place < len(text) or len(pieces) < 2:
        return None
    total, last = Fraction(0), None
    for piece in pieces:
        value = number(piece["number"])
        unit: Unit | None = unit_of(piece["unit"]) if piece["unit"] else None
        if piece["unit"] is None and last is not None and last == UNITS["hour"]:
            unit = UNITS["minute"]
        if (
            value is None
            or unit is None
            or (last and (unit.dimensions != last.dimensions or unit.factor >= last.factor))
        ):
            return None
        total, last = total + value.value * unit.factor, unit
    assert last is not None
    return Scalar(text, Number(total), Unit(last.dimensions, Fraction(1)), compound=True)


def is_formula(text: str) -> bool:
    """Whether a text could be a formula: it holds no word."""
    rest = re.sub(r"\\(?:operatorname|mathbb|mathcal|text|mathrm|begin|end)\s*\{[^{}]*\}|\\[A-Za-z]+", " ", text)
    for word in re.findall(r"[^\W\d_]+", rest):
        if not word.isascii() and not (len(word) == 1 and "\u0370" <= word <= "\u03ff"):
            return False
        if len(word) > 2 and word.lower() not in _FUNCTIONS and not (word.isupper() and len(word) <= 4):
            return False
        if word in _SMALL_WORDS:
            return False
    return bool(re.search(r"\w", text)) and not re.search(r"[?\"]|\.\s|\.\.\.", text)


def words(text: str) -> tuple[str, ...] | None:
    """The folded words of a text that is nothing but a few words, without articles."""
    parts = text.strip().rstrip(".!").split()
    if not parts or len(parts) > _LONGEST_PHRASE or not all(_WORD.fullmatch(part) for part in parts):
        return None
    if all(len(part) == 1 and part.isascii() for part in parts):
        return None
    kept = tuple(part.rstrip(".").casefold() for part in parts if part.casefold() not in _ARTICLES)
    return kept or None


def tokens(text: str) -> tuple[str, ...] | None:
    """The folded words and numbers of a phrase, times of day in one spelling; None where it is longer."""
    if "\\" in text or re.search(r"[.;!?]\s+\S", text):
        return None
    found = [_token(match[0]) for match in _TOKEN.finditer(text)]
    kept = tuple(token for token in found if token not in _ARTICLES)
    if not kept or len(kept) > _LONGEST_PHRASE or re.search(r"[=<>+^*{}|]", text):
        return None
    return kept


def _token(text: str) -> str:
    folded = text.casefold().replace(" ", "").replace(".", "" if re.search(r"[ap]\.?m$", text, re.I) else ".")
    if folded[:1].isdigit() and folded.endswith(("am", "pm")):
        hour, _, minute = folded[:-2].partition(":")
        return f"{int(hour)}:{minute or '00'}{folded[-2:]}"
    value = number(folded)
    return str(value.value) if value is not None else folded
