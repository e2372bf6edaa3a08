"""Lines between steps that belong to none: headings, rules, "Step 2" above a step; and remarks behind the last."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from rlkd_data.structure.characters import folded
from rlkd_data.structure.markers import Number

TitleKind = Literal["rule", "heading", "step", "bold", "bare"]

_LONGEST = 160
_RULE = re.compile(r"(?:([-*_=─━—])[ \t]?(?:\1[ \t]?){2,}|(?:<(?:br|hr)[ \t]?/?>[ \t]*)+|&nbsp;|\\newpage|\\hrule)")
_ROMAN = r"[IVX]{1,5}"
_WORDS = r"one|two|three|four|five|six|seven|eight|nine|ten"
_STEP = re.compile(
    r"(?P<open>[-=*_~#>\[(<|\s•]{0,8})"
    r"(?:step|phase|part|stage|section|round|schritt|paso|étape|etape|шаг|步骤|步驟|第(?=[\d一二三四五六七八九十]))"
    rf"[ \t]*\#?(?P<number>\d{{1,4}}(?:\.\d{{1,4}})?|{_ROMAN}|{_WORDS}|[一二三四五六七八九十])"
    r"(?:[ \t]?(?:/|of)[ \t]?\d{1,4})?[ \t]?[步阶]?(?P<text>[^\w].{0,110})?",
    re.IGNORECASE,
)
_HEADING = re.compile(r"[ \t]{0,3}#{1,6}[ \t]+(?P<text>\S.*)")
_NUMBERED = re.compile(
    r"(?:step|part|stage)?[ \t]*#?(?P<number>\d{1,4}(?:\.\d{1,4})?)[ \t]*(?P<closed>[.):,-]|\Z)", re.I
)
_BARE = re.compile(r"\(?(?P<number>\d{1,4})[.):]\)?")
_BOLD = re.compile(r"[ \t]{0,3}(?P<mark>\*\*|__)(?P<text>[^*_]{1,80})(?P=mark)[ \t]*:?[ \t]*")
_ENGLISH = {word: number for number, word in enumerate(_WORDS.split("|"), 1)}
_CHINESE = {character: number for number, character in enumerate("一二三四五六七八九十", 1)}
_REMARK = re.compile(
    r"[*_(>\[ \t]{0,4}(?:let me know|i hope|hope (?:this|that)|feel free|please (?:let|note|tell)|"
    r"if you(?:'d|’d| would| need| want)|would you like|as (?:requested|you asked)|"
    r"this (?:decomposition|breakdown|preserves)|the decomposition\b|"
    r"(?:that|this)(?:'s|’s| is) (?:the (?:full|complete|whole|end)|all)|thank|"
    r"i(?:'ve|’ve| have) (?:kept|followed|used|preserved|decomposed|broken|tried|made)|"
    r"(?:do|should|can|shall) (?:you|i)\b[^\n]{0,80}\?|is there anything|(?:i(?:'m|’m| am) )?happy to|disclaimer|"
    r"end of (?:the )?(?:decomposition|steps|answer)|\(?end\)?[.\s]*\Z|done[.!\s]*\Z|good luck|希望)",
    re.IGNORECASE,
)
_EITHER = re.compile(
    r"[*_(>\[ \t]{0,4}(?:note\b|if you have|this (?:completes|concludes|follows|covers)|the above\b|"
    r"如果(?:您|你)|以上)",
    re.IGNORECASE,
)
"""What opens a remark, and a part of an answer as well: "Note that 5 is prime"."""
_RESULT = re.compile(r"[\d=<>$\\]")
_SECTION = re.compile(
    r"(?:\d{1,2}[.)][ \t]+)?(?:conclusions?|summary|final\b.*|results?|notes?|remarks?|verification|overall\b.*|"
    r"in summary|the end|answer)[ \t:.*_]*\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Title:
    """A line that can stand between steps. `number` is the step that it names; `sure`: by its form alone, so that it
    needs no other sign of being a title."""

    kind: TitleKind
    number: Number | None
    sure: bool


def title(line: str) -> Title | None:  # noqa: PLR0911 - a form each
    """What a line is, if it can stand between steps."""
    if len(line) > _LONGEST or not line.strip():
        return None
    bare = folded(line).strip()
    if _RULE.fullmatch(bare):
        return Title("rule", None, sure=True)
    if found := _HEADING.fullmatch(folded(line)):
        text = found["text"].strip().strip("#*_: \t")
        step = _STEP.fullmatch(text)
        number = _number(step["number"]) if step else None
        counted = None if step else _NUMBERED.match(text)
        alone = counted is not None and counted.end() == len(text)
        return Title("heading", number or (_number(counted["number"]) if counted else None), sure=not alone)
    if found := _STEP.fullmatch(bare):
        said = re.sub(r"[-=*_~#>\[\](){}<|:.\s]", "", found["text"] or "")
        before = found["open"].strip()
        framed = bare[:3] in ("---", "===") or (before != "" and not before.startswith("-"))
        return Title("step", _number(found["number"]), sure=framed or not said)
    if found := _BARE.fullmatch(bare):
        return Title("bare", _number(found["number"]), sure=False)
    if found := _BOLD.fullmatch(line):
        counted = _NUMBERED.match(found["text"])
        return Title("bold", _number(counted["number"]) if counted else None, sure=False)
    return None


def remark(paragraph: str) -> bool:
    """Whether a paragraph speaks to the reader instead of going on with the answer. What may be either is a remark
    where it holds no number and no formula: nothing that an answer would lose."""
    if _REMARK.match(paragraph[:_LONGEST]):
        return True
    return _EITHER.match(paragraph[:_LONGEST]) is not None and not tells(paragraph)


def tells(text: str) -> bool:
    """Whether it holds a number or a formula."""
    return _RESULT.search(text) is not None


def section(line: str) -> bool:
    """Whether a line is a heading of what comes behind the steps: `### Conclusion`."""
    found = _HEADING.fullmatch(folded(line[:_LONGEST])) or _BOLD.fullmatch(line[:_LONGEST])
    return found is not None and _SECTION.fullmatch(found["text"].strip().strip("*_: ")) is not None


def _number(text: str) -> Number | None:
    word = text.lower()
    if word in _ENGLISH or text in _CHINESE:
        return (_ENGLISH.get(word) or _CHINESE[text],)
    if text[0].isdigit():
        return tuple(int(part) for part in text.split("."))
    return (_roman(text.upper()),)


def _roman(text: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10}[letter] for letter in text]
    return sum(-one if one < following else one for one, following in zip(values, [*values[1:], 0], strict=True))
