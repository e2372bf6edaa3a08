"""The parts that markers open in a reply's lines: which lines are theirs, and which are titles between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rlkd_data.structure.escaping import unescaped, unescaped_inside
from rlkd_data.structure.fences import Layout
from rlkd_data.structure.markers import Marker, Number
from rlkd_data.structure.titles import Title, title


@dataclass(slots=True)
class Part:
    """A marker and the raw lines behind it, each with whether it is inside a code block. `titled`: the step that a
    title above names; `apart`: a blank line or a title stands above."""

    marker: Marker
    line: str
    line_number: int
    rest: list[tuple[str, bool]] = field(default_factory=list)
    titled: Number | None = None
    apart: bool = False

    @property
    def number(self) -> Number | None:
        """The step that the marker names, or what stands before it."""
        found = self.marker
        return found.number if found.number is not None else found.lead if found.lead is not None else self.titled

    def plain_lines(self) -> list[str]:
        return unescaped([line for line, _ in self.rest], [in_code for _, in_code in self.rest])

    def text(self) -> str:
        return "\n".join([unescaped_inside(self.marker.rest), *self.plain_lines()]).strip()

    def __str__(self) -> str:
        number = "" if self.number is None else " " + ".".join(map(str, self.number))
        return f"{self.marker.kind}{number} on line {self.line_number}"


@dataclass(slots=True)
class Parts:
    """`before`: whether text that is no title stands before the first part."""

    parts: list[Part]
    before: bool
    titles: bool


def split(lines: Sequence[str], marks: Mapping[int, Marker], layout: Layout) -> Parts:
    """The parts that `marks` (by line number, from 0) open. A line of a wrapping fence belongs to none."""
    before: list[str] = []
    parts: list[Part] = []
    for number, line in enumerate(lines):
        if number in layout.wrappers:
            continue
        if number in marks:
            above = parts[-1].rest[-1][0] if parts and parts[-1].rest else before[-1] if before else ""
            apart = not above.strip() if (parts and parts[-1].rest) or not parts else False
            parts.append(Part(marks[number], line, number + 1, apart=apart))
        elif parts:
            parts[-1].rest.append((line, layout.in_code[number]))
        else:
            before.append(line)
    return _without_titles(before, _fold_early_finals(parts))


def _without_titles(before: list[str], parts: list[Part]) -> Parts:
    first = _last_titles([(line, False) for line in before], parts[0] if parts else None, 1, None)
    usual = first[-1] if first else None
    found = bool(first)
    if first and parts:
        parts[0].titled = next((one.number for one in reversed(first) if one.number), None)
    step = 1
    for number, part in enumerate(parts):
        following = parts[number + 1] if number + 1 < len(parts) else None
        if following is not None and following.marker.kind == "meta":
            step += 1
        if following is None:
            continue  # what is behind the last part may be the final answer: see `closing`
        titles = _last_titles(part.rest, following, step, usual)
        found |= bool(titles)
        following.apart |= bool(titles)
        following.titled = next((one.number for one in reversed(titles) if one.number), None)
    return Parts(parts, any(line.strip() and title(line) is None for line in before), found)


def _last_titles(rest: list[tuple[str, bool]], following: Part | None, step: int, usual: Title | None) -> list[Title]:
    """The titles at the end of these lines, in order; they are taken away. `following` is the part below, `step` the
    number that its step has by order, `usual` what stands above the first step."""
    found: list[Title] = []
    inside = following is not None and following.marker.kind in ("sub_problem", "answer")
    end = len(rest)
    while end > 0:
        line, in_code = rest[end - 1]
        if not line.strip():
            end -= 1
            continue
        one = None if in_code else title(line)
        if one is None or (inside and one.kind != "rule"):
            break
        if not one.sure:
            wanted = {(step,)} if following is None or following.marker.number is None else {following.marker.number}
            apart = end < 2 or not rest[end - 2][0].strip()
            alike = usual is not None and usual.kind == one.kind and (usual.number is None) == (one.number is None)
            by_number = one.number in wanted and (apart or one.kind == "heading") and (one.kind != "bare" or alike)
            if not by_number and not (alike and apart and one.number is None):
                break
        found.append(one)
        end -= 1
    if found:
        del rest[end:]
    return found[::-1]


def _fold_early_finals(parts: list[Part]) -> list[Part]:
    """A plain "Final answer: …" before the last part is a sentence of the part that it stands in. (One in brackets
    stays, and makes the parse fail.)"""
    folded: list[Part] = []
    for number, part in enumerate(parts, 1):
        if folded and number < len(parts) and part.marker.kind == "final" and not part.marker.bracketed:
            folded[-1].rest.extend([(part.line, False), *part.rest])
        else:
            folded.append(part)
    return folded
