"""The lines that open a part of a decomposition, in every spelling that we accept.

A marker stands at the start of a line, perhaps behind a list bullet, a heading or bold: `[Meta-reasoning 1]: …`,
`**[Sub-problem 2]** …`, `### Answer 3: …`. The public reference implementation's spellings (`Meat-reasoning`,
`sub-think`, `Query`) are known too. A line that would be taken for a marker is written with a backslash before it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["meta", "sub_problem", "answer", "final"]

_NAMES: tuple[tuple[Kind, str], ...] = (
    ("meta", r"me(?:ta|at)[\s_-]?reasoning|sub[\s_-]?think(?:ing)?"),
    ("sub_problem", r"sub[\s_-]?(?:problem|question)|query"),
    ("final", r"final[\s_-]?answer"),
    ("answer", r"answer"),
)
_NAME = "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _NAMES)
_LEAD = r"[ \t]{0,8}(?:>[ \t]?|[-*+][ \t]+|\#{1,6}[ \t]+|\d{1,3}[.)][ \t]+){0,3}(?P<emphasis>\*{1,3}|_{1,3})?"
_BRACKETED = re.compile(
    rf"{_LEAD}\[[ \t]?[*_]{{0,3}}(?:{_NAME})[ \t#_-]{{0,3}}(?P<number>\d{{1,6}})?[*_]{{0,3}}[ \t]?\]", re.IGNORECASE
)
_PLAIN = re.compile(
    rf"{_LEAD}(?:{_NAME})[ \t#_-]{{0,3}}(?P<number>\d{{1,6}})?[ \t]?(?P<closed>[*_]{{0,3}})[ \t]?:", re.IGNORECASE
)
_SENTENCE = re.compile(
    r"[ \t]{0,8}[*_]{0,3}(?:(?:so|thus|therefore|hence),?[ \t]+)?(?:the[ \t]+)?final[ \t]+answer[ \t]+is[ \t]?:?",
    re.IGNORECASE,
)
_FENCE = re.compile(r"[ \t]{0,8}(?P<mark>`{3,}|~{3,})")
_LONGEST = 200
"""Characters of a line in which a marker must have ended: keeps matching linear on any input."""


@dataclass(frozen=True, slots=True)
class Marker:
    """A marker at the start of a line. `rest` is the text behind it, on that line."""

    kind: Kind
    number: int | None
    rest: str
    bracketed: bool
    reference: bool
    """Spelled as the reference implementation does."""


def marker(line: str) -> Marker | None:
    """The marker that opens a line, if one does."""
    head = line[:_LONGEST]
    if found := _BRACKETED.match(head):
        rest = line[found.end() :]
        emphasis = found["emphasis"]
        if emphasis and rest.startswith(emphasis):
            rest, emphasis = rest[len(emphasis) :], None
        rest = _without(rest, (":", "："))
        if emphasis:
            rest = _without(rest, (emphasis,))
    elif found := _PLAIN.match(head):
        rest = line[found.end() :]
        emphasis = found["emphasis"]
        if emphasis and not found["closed"]:
            rest = _without(rest, (emphasis,))
    else:
        return None
    kind = next(kind for kind, _ in _NAMES if found[kind] is not None)
    number = found["number"]
    return Marker(
        kind=kind,
        number=int(number) if number else None,
        rest=rest,
        bracketed=found.re is _BRACKETED,
        reference=found[kind].lower()[:4] in ("meat", "quer") or found[kind].lower().startswith("sub-think"),
    )


def final_sentence(line: str) -> str | None:
    """What stands behind "So the final answer is", where a line opens so."""
    found = _SENTENCE.match(line[:_LONGEST])
    return line[found.end() :].strip() if found else None


def fence(line: str) -> str | None:
    """The back-ticks or tildes that open or close a code block on this line."""
    found = _FENCE.match(line[:_LONGEST])
    return found["mark"] if found else None


def looks_special(line: str) -> bool:
    """Whether a parser of the canonical format may take this line for more than text."""
    found = marker(line)
    return (found is not None and (found.bracketed or found.kind == "final")) or final_sentence(line) is not None


def code_lines(lines: Sequence[str]) -> list[bool]:
    """For each line, whether it is inside a code block (its fences included). A block that is never closed is none."""
    longest_closing: dict[str, list[int]] = {"`": [0] * (len(lines) + 1), "~": [0] * (len(lines) + 1)}
    for number in range(len(lines) - 1, -1, -1):
        for lengths in longest_closing.values():
            lengths[number] = lengths[number + 1]
        if (mark := fence(lines[number])) and lines[number].strip() == mark:
            lengths = longest_closing[mark[0]]
            lengths[number] = max(lengths[number], len(mark))
    inside = [False] * len(lines)
    open_mark: str | None = None
    for number, line in enumerate(lines):
        mark = fence(line)
        if open_mark is None:
            if mark and longest_closing[mark[0]][number + 1] >= len(mark):
                open_mark = mark
                inside[number] = True
            continue
        inside[number] = True
        if mark and mark[0] == open_mark[0] and len(mark) >= len(open_mark) and line.strip() == mark:
            open_mark = None
    return inside


def escape(text: str) -> str:
    r"""A part's text as it stands behind its marker, so that none of its lines can be taken for a marker: a line
    `[Answer 1]` becomes `\[Answer 1]`, and so does a fence without its counterpart. The first line is behind the marker
    and needs nothing, but a code block has to begin on a line of its own."""
    lines = text.split("\n")
    in_code = code_lines(lines)
    written = [
        "\\" + line if not inside and _needs_escape(line) else line
        for line, inside in zip(lines[1:], in_code[1:], strict=True)
    ]
    return "\n".join(["\n" + lines[0] if in_code[0] else lines[0], *written])


def unescape_line(line: str) -> str:
    """The inverse of `escape`, for a line outside code blocks that is not the first of its part."""
    return line[1:] if line.startswith("\\") and _needs_escape(line[1:]) else line


def _needs_escape(line: str) -> bool:
    bare = line.lstrip("\\")
    return looks_special(bare) or fence(bare) is not None


def _without(text: str, openings: tuple[str, ...]) -> str:
    stripped = text.lstrip(" \t")
    for opening in openings:
        if stripped.startswith(opening):
            return stripped[len(opening) :]
    return text
