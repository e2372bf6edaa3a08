"""The final answer behind the last step, in the ways in which it is said without a marker of its own."""

from __future__ import annotations

import re

from rlkd_data.structure.characters import folded

_LONGEST = 200
_SENTENCE = re.compile(
    r"[ \t]{0,8}[*_]{0,3}(?:(?:so|thus|therefore|hence),?[ \t]+)?(?:the[ \t]+)?final[ \t]+answer[ \t]+is[ \t]?:?",
    re.IGNORECASE,
)
_ANSWER_IS = re.compile(
    r"[ \t]{0,8}[*_]{0,3}(?:(?:so|thus|therefore|hence|finally|in conclusion|consequently),?[ \t]+)?(?:the|our)[ \t]+"
    r"(?:correct[ \t]+|overall[ \t]+)?(?:answer|result)(?:[ \t]+to[ \t]+the[ \t]+(?:problem|question))?[ \t]*[*_]{0,3}"
    r"(?:[ \t]is\b|:)[ \t]?:?",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"[ \t]{0,8}(?:\#{1,6}[ \t]+)?[*_]{0,3}(?:final[ \t]+)?(?:answer|result|solution)[ \t]?[*_]{0,3}[ \t]?:[*_]{0,3}",
    re.IGNORECASE,
)
_HASHES = re.compile(r"[ \t]{0,3}####[ \t]*(?=[-+$\\({\[]{0,3}[\w.])")
_BOX = re.compile(r"[ \t$*]{0,6}(?:\\[\[(])?[ \t]?\\+(?:boxed|fbox)[ \t]?\{.*\}[ \t.$*]{0,6}(?:\\[\])])?[ \t.$*]{0,6}")


def final_sentence(line: str) -> str | None:
    """What stands behind "So the final answer is", where a line opens so."""
    found = _SENTENCE.match(line[:_LONGEST])
    return line[found.end() :].strip() if found else None


def closing_line(line: str) -> str | None:
    r"""What stands behind "The answer is", "Answer:" or "####", or a box that stands alone: the final answer, if it is
    the last paragraph behind the last step."""
    head = folded(line[:_LONGEST])
    for pattern in (_ANSWER_IS, _LABEL, _HASHES):
        if found := pattern.match(head):
            return line[found.end() :].strip()
    return line.strip() if len(line) <= _LONGEST and _BOX.fullmatch(line) else None


def paragraph(lines: list[str]) -> tuple[str, bool]:
    """The first paragraph, and whether another follows."""
    text = "\n".join(lines).strip()
    kept: list[str] = []
    rest = text.split("\n")
    for number, line in enumerate(rest):
        if not line.strip():
            return "\n".join(kept).strip(), any(later.strip() for later in rest[number:])
        kept.append(line)
    return "\n".join(kept).strip(), False


def plain_value(value: str) -> str | None:
    """An answer given in a sentence: without bullet, bold and full stop."""
    value = value.strip().removeprefix("- ").strip().strip("*_").strip()
    if value.endswith(".") and not value.endswith(".."):
        value = value[:-1].strip().strip("*_").strip()
    return value or None
