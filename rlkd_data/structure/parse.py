"""Text to steps: either a decomposition that can be read in one way, or the reason why it cannot.

A reply that could be read in two ways is a failure, never a guess: a wrong step would train a student in silence.
Runs in time linear in the text, and raises nothing whatever the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rlkd_data.schema import Step
from rlkd_data.structure.markers import Kind, Marker, code_lines, fence, final_sentence, marker, unescape_line

FailureCode = Literal[
    "empty_text",
    "no_markers",
    "missing_part",
    "repeated_part",
    "empty_part",
    "numbers_disagree",
    "numbering_restarts",
    "incomplete_last_step",
    "text_after_final_answer",
    "no_json",
    "broken_json",
    "wrong_shape",
]
Note = Literal[
    "text_before",
    "renumbered",
    "unnumbered",
    "reference_markers",
    "unbracketed",
    "unfenced",
    "text_after",
    "latex_unescaped",
    "repaired_json",
]
_ORDER: tuple[Kind, ...] = ("meta", "sub_problem", "answer")


@dataclass(frozen=True, slots=True)
class Parsed:
    """The steps of a reply, numbered from 1. `notes` are codes of what was overlooked on the way."""

    steps: tuple[Step, ...]
    final_answer: str | None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class ParseFailure:
    """Why a reply cannot be read: a code, and where."""

    code: FailureCode
    detail: str


@dataclass(slots=True)
class _Part:
    """A marker and the raw lines behind it, each with whether it is inside a code block."""

    marker: Marker
    line: str
    line_number: int
    rest: list[tuple[str, bool]] = field(default_factory=list)

    def plain_lines(self) -> list[str]:
        return [line if in_code else unescape_line(line) for line, in_code in self.rest]

    def text(self) -> str:
        return "\n".join([self.marker.rest, *self.plain_lines()]).strip()

    def __str__(self) -> str:
        number = "" if self.marker.number is None else f" {self.marker.number}"
        return f"{self.marker.kind}{number} on line {self.line_number}"


def parse(text: str) -> Parsed | ParseFailure:
    """Read a decomposition.

    Markers count at the start of a line outside code blocks (see `markers`). Numbers may repeat or skip: steps are
    numbered anew by their order; but the three parts of one step must agree in their number, and numbers that fall back
    mean a second decomposition, or one planted in the text: a failure.
    """
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if not text.strip():
        return ParseFailure("empty_text", "the reply is empty")
    notes: list[Note] = []
    lines, unfenced = _without_outer_fence(lines)
    if unfenced:
        notes.append("unfenced")
    before, parts = _split(lines, bracketed=True)
    if not any(part.marker.kind != "final" for part in parts):
        before, parts = _split(lines, bracketed=False)
        notes.append("unbracketed")
    if not any(part.marker.kind != "final" for part in parts):
        return ParseFailure("no_markers", f"no [Meta-reasoning] marker in {len(lines)} lines")
    if any(line.strip() for line in before):
        notes.append("text_before")
    final = parts.pop() if parts[-1].marker.kind == "final" else None
    grouped = _group(parts)
    if isinstance(grouped, ParseFailure):
        return grouped
    notes.extend(_notes(grouped))
    last = grouped[-1][-1]
    final_answer, after = _final(final, last)
    if after:
        notes.append("text_after")
    steps = []
    for index, group in enumerate(grouped, 1):
        meta, sub_problem, answer = (part.text() for part in group)
        if not (meta and sub_problem and answer):
            empty = next(part for part in group if not part.text())
            return ParseFailure("empty_part", f"nothing stands behind {empty}")
        steps.append(Step(index, meta, sub_problem, answer))
    return Parsed(tuple(steps), final_answer, tuple(dict.fromkeys(notes)))


def _split(lines: Sequence[str], *, bracketed: bool) -> tuple[list[str], list[_Part]]:
    """The lines before the first marker, and the parts that the markers open. Beside markers in brackets a plain
    "Final answer: …" counts too."""
    before: list[str] = []
    parts: list[_Part] = []
    for number, (line, in_code) in enumerate(zip(lines, code_lines(lines), strict=True), 1):
        found = None if in_code else marker(line)
        if found is not None and (
            found.bracketed is bracketed or (found.kind == "final" and found.number is None and parts)
        ):
            parts.append(_Part(found, line, number))
        elif parts:
            parts[-1].rest.append((line, in_code))
        else:
            before.append(line)
    return before, _fold_early_finals(parts)


def _fold_early_finals(parts: list[_Part]) -> list[_Part]:
    """A plain "Final answer: …" before the last part is a sentence of the part that it stands in. (One in brackets
    stays, and makes the parse fail.)"""
    folded: list[_Part] = []
    for number, part in enumerate(parts, 1):
        if folded and number < len(parts) and part.marker.kind == "final" and not part.marker.bracketed:
            folded[-1].rest.extend([(part.line, False), *part.rest])
        else:
            folded.append(part)
    return folded


def _group(parts: Sequence[_Part]) -> list[tuple[_Part, _Part, _Part]] | ParseFailure:
    """Parts in threes, each meta-reasoning, sub-problem, answer."""
    groups: list[tuple[_Part, _Part, _Part]] = []
    open_: list[_Part] = []
    for part in parts:
        expected = _ORDER[len(open_)]
        kind = part.marker.kind
        if kind == "final":
            return ParseFailure("text_after_final_answer", f"a step follows the final answer, {part}")
        if kind != expected:
            code: FailureCode = "repeated_part" if open_ and kind == open_[-1].marker.kind else "missing_part"
            if not open_ and groups and kind == "answer":
                code = "repeated_part"
            return ParseFailure(code, f"expected {expected}, found {part}")
        open_.append(part)
        if len(open_) == len(_ORDER):
            meta, sub_problem, answer = open_
            groups.append((meta, sub_problem, answer))
            open_ = []
    if open_:
        return ParseFailure("incomplete_last_step", f"the text ends after {open_[-1]}")
    return _check_numbers(groups)


def _check_numbers(groups: list[tuple[_Part, _Part, _Part]]) -> list[tuple[_Part, _Part, _Part]] | ParseFailure:
    highest = 0
    for group in groups:
        numbers = {part.marker.number for part in group if part.marker.number is not None}
        if len(numbers) > 1:
            return ParseFailure("numbers_disagree", f"{group[0]}, {group[1]} and {group[2]} are taken for one step")
        for number in numbers:
            if number < highest:
                return ParseFailure("numbering_restarts", f"{group[0]} comes after number {highest}")
            highest = number
    return groups


def _notes(groups: Sequence[tuple[_Part, _Part, _Part]]) -> list[Note]:
    notes: list[Note] = []
    markers = [part.marker for group in groups for part in group]
    if any(found.reference for found in markers):
        notes.append("reference_markers")
    if any(found.number is None for found in markers):
        notes.append("unnumbered")
    expected = [number for number in range(1, len(groups) + 1) for _ in _ORDER]
    if any(found.number not in (None, wanted) for found, wanted in zip(markers, expected, strict=True)):
        notes.append("renumbered")
    return notes


def _final(final: _Part | None, last: _Part) -> tuple[str | None, bool]:
    """The final answer, and whether text follows it. Without a marker for it, a last sentence "So the final answer is
    …" is cut from the last answer, unless it is all of it."""
    if final is not None:
        value, after = _paragraph([final.marker.rest, *final.plain_lines()])
        if final.marker.bracketed:
            return value or None, after
        if value and not last.text():  # `[Answer 3]:` and then `Final answer: 18` alone
            last.rest.append((value, True))
        return _plain_value(value), after
    for number in range(len(last.rest) - 1, -1, -1):
        line, in_code = last.rest[number]
        said = None if in_code else final_sentence(line)
        if said is not None:
            value, after = _paragraph([said, *(line for line, _ in last.rest[number + 1 :])])
            kept = [last.marker.rest, *(line for line, _ in last.rest[:number])]
            if value and "".join(kept).strip():
                del last.rest[number:]
            return _plain_value(value), after
    return None, False


def _paragraph(lines: Sequence[str]) -> tuple[str, bool]:
    """The first paragraph, and whether another follows."""
    text = "\n".join(lines).strip()
    kept: list[str] = []
    rest = text.split("\n")
    for number, line in enumerate(rest):
        if not line.strip():
            return "\n".join(kept).strip(), any(later.strip() for later in rest[number:])
        kept.append(line)
    return "\n".join(kept).strip(), False


def _plain_value(value: str) -> str | None:
    """An answer given in a sentence: without bullet, bold and full stop."""
    value = value.strip().removeprefix("- ").strip().strip("*_").strip()
    if value.endswith(".") and not value.endswith(".."):
        value = value[:-1].strip().strip("*_").strip()
    return value or None


def _without_outer_fence(lines: list[str]) -> tuple[list[str], bool]:
    """The lines inside, where the whole reply is one code block."""
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    last = next((number for number in range(len(lines) - 1, -1, -1) if lines[number].strip()), 0)
    opening, closing = fence(lines[first]), lines[last].strip()
    if opening is None or last <= first or closing != opening:
        return lines, False
    inner = lines[first + 1 : last]
    if any(found and found[0] == opening[0] and len(found) >= len(opening) for found in map(fence, inner)):
        return lines, False
    return inner, True
