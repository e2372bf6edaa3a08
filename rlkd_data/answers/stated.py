"""The number that a text of sentences arrives at, where it says so in a way that leaves no choice. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rlkd_data.answers.final import final_answer, without_rejected
from rlkd_data.answers.quantities import VAGUE
from rlkd_data.answers.typeset import bare, clean

_LONGEST = 20_000
_SENTENCES = re.compile(r"(?<=[^\s\d.])[.!?](?=\s|$|\*)|(?<=\d)[.!?](?=\s*\*{0,2}\s+[^\W\d_]|\s*$)|[。！？]|\n+")
_NUMBERING = re.compile(r"(?:(?<=\s)|^)\d{1,2}\.\s+(?=\*\*|[^\W\d_])", re.MULTILINE)
"""Of the items of a list."""
_CONCLUDES = re.compile(
    r"\b(?:so|thus|therefore|hence|total|altogether|finally|answer|result|donc|conclusion|también|daher|also)\b|因此|所以|故|总共|一共|结论|因而|共"
    r"|لذا|إذن|ناتج|Donc",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?<![A-Za-z0-9_.,^{\\/])-?\$?(?:\d{1,3}(?:,\d{3})+|\d+)(?:[.,]\d+)?(?:\s*/\s*\d+)?(?![\d^]|[.,]\d)"
)
_UNIT = re.compile(
    r"\s*(?:(?:(?:per|an?|each|every)\s[a-z]{3,}|[%°€£$¥]|m²|cm²|m³|cm³|(?:square|cubic)\s[a-z]+|[A-Za-z]{1,2}(?![A-Za-z])|[^\W\d_]+)"
    r"(?:\^\{?\d\}?|[²³]|\s(?:squared|cubed)\b|\s*/\s*[A-Za-z]+|\s(?:per|an?|each|every)\s(?:second|minute|hour|day|week"
    r"|month|year|mile|kilomet|met|lit|gallon|pound|kilo)[a-z]*)*)?"
)
_NEGATED = re.compile(
    r"n['’]t\b|\b(?:not|cannot|never|hardly|"
    r"instead of|rather than|at least|at most|between|more than|less than|about half)\b"
    r"|不是|至少|至多",
    re.I,
)
_SPAN = re.compile(r"\$\$?(?P<one>[^$]+)\$\$?|\\\((?P<two>.+?)\\\)|\\\[(?P<three>.+?)\\\]", re.DOTALL)
_BOILERPLATE = re.compile(r"(?<!\s)\s*+(?:I hope (?:it|this) is correct\.?)?\s*+(?:<\|[^|<>]*\|>.*)?\Z", re.DOTALL)
_CHANGED = re.compile(
    r"(?:\s*[^\W\d_]+)?\s+(?:(?:less|fewer|more) than|or (?:more|less|so)|squared|cubed|factorial|plus|minus|divided"
    r"|multiplied)\b",
    re.IGNORECASE,
)
_FILLING = frozenset({"of", "the", "a", "an", "that", "those", "these", "all", "about", "exactly", "$"})
_EQUALS = re.compile(r"=|≈|\\approx")


@dataclass(frozen=True, slots=True)
class Stated:
    """`certain`: the text says that this is its answer, or ends in it."""

    text: str
    certain: bool


def stated(text: str) -> Stated | None:  # noqa: PLR0911 - a kind each
    """What a text of sentences states: its final answer by `final_answer`, or the one number of its last sentence, the
    one behind an equals sign, or the one in bold. None where there is a choice."""
    if len(text) > _LONGEST:
        return None
    text = _BOILERPLATE.sub("", text.rstrip())
    found = final_answer(text)
    if found is not None and found != text.strip():
        return Stated(found, certain=True)
    if (head := without_rejected(text)) is not None:
        return Stated(head, certain=True)
    if (formula := _only_formula(text)) is not None:
        return Stated(formula, certain=True)
    text = _NUMBERING.sub("", text)
    sentences = [one for one in _SENTENCES.split(text) if one and re.search(r"\w", one)]
    if not sentences:
        return None
    last = sentences[-1]
    if bold := re.findall(r"\*\*([^*]*\d[^*]*)\*\*", last):
        return Stated(bold[-1], certain=True) if len(bold) == 1 else None
    behind = _EQUALS.split(last)
    part = behind[-1] if len(behind) > 1 and _NUMBER.search(behind[-1]) else last
    numbers = list(_NUMBER.finditer(part))
    if len({one[0] for one in numbers}) != 1:
        numbers = _after_not(numbers, part)
    if not numbers or (_NEGATED.search(part[: numbers[-1].start()]) and len(_NUMBER.findall(part)) == 1):
        return None
    number = numbers[-1]
    if _vague(part[: number.start()], part[number.end() :]):
        return None
    unit = _UNIT.match(part, number.end())
    said = number[0] + (unit[0] if unit else "")
    if bare(clean(said)) == bare(clean(text)):
        return None
    return Stated(said, certain=_CONCLUDES.search(last) is not None or len(sentences) == 1)


def _only_formula(text: str) -> str | None:
    """The one formula between delimiters in a text that is one sentence, or that ends in it."""
    spans = [(span["one"] or span["two"] or span["three"], span) for span in _SPAN.finditer(text)]
    if not spans or re.fullmatch(r"\s*[\d.,]+\s.*[A-Za-z]{2,}.*", spans[-1][0]):
        return None
    formula, span = spans[-1]
    ends = not text[span.end() :].strip(" .\n*")
    alone = len(spans) == 1 and len(_SENTENCES.findall(text.strip())) <= 1 and not _NUMBER.search(_SPAN.sub(" ", text))
    before = text[: span.start()].rstrip()
    if (ends and re.search(r"(?:\bis|\bare|:|=|为|是|\banswer|\bwhich)$", before, re.IGNORECASE)) or alone:
        return None if _NEGATED.search(before[-40:]) or _vague(before) else formula.strip()
    return None


def _vague(before: str, behind: str = "") -> bool:
    """Whether the words beside a number make another of it: `half of 12`, `over 12`, `12 less than before`."""
    words = [word for word in re.split(r"[,;:]\s", before)[-1].split() if word.lower() not in _FILLING]
    return VAGUE.search(" ".join(words[-1:])) is not None or _CHANGED.match(behind) is not None


def _after_not(numbers: list[re.Match[str]], text: str) -> list[re.Match[str]]:
    """Of `not 10 but 12`, the 12: all but the last are denied."""
    denied = [one for one in numbers[:-1] if re.search(r"(?:\bnot|n't|不是)\s*\$?$", text[: one.start()])]
    return numbers[-1:] if len(denied) == len(numbers) - 1 and numbers else []
