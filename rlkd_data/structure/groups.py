"""Parts in threes, each meta-reasoning, sub-problem, answer: whether order and numbers make one sequence."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from rlkd_data.structure.markers import Kind, Number
from rlkd_data.structure.parsed import FailureCode, Note, ParseFailure
from rlkd_data.structure.parts import Part

ORDER: tuple[Kind, ...] = ("meta", "sub_problem", "answer")


class Group(NamedTuple):
    """The parts of one step."""

    meta: Part
    sub_problem: Part
    answer: Part


def group(parts: Sequence[Part]) -> list[Group] | ParseFailure:
    """The steps that parts make, or why they make none."""
    groups: list[Group] = []
    open_: list[Part] = []
    for part in parts:
        expected = ORDER[len(open_)]
        kind = part.marker.kind
        if kind == "final":
            return ParseFailure("text_after_final_answer", f"a step follows the final answer, {part}")
        if kind != expected:
            code: FailureCode = "repeated_part" if open_ and kind == open_[-1].marker.kind else "missing_part"
            if not open_ and groups and kind == "answer":
                code = "repeated_part"
            return ParseFailure(code, f"expected {expected}, found {part}")
        open_.append(part)
        if len(open_) == len(ORDER):
            groups.append(Group(*open_))
            open_ = []
    if open_:
        return ParseFailure("incomplete_last_step", f"the text ends after {open_[-1]}")
    if not groups:
        return ParseFailure("incomplete_last_step", "there is no whole step")
    return _checked(groups) or groups


def gapless(groups: Sequence[Group]) -> bool:
    """Whether the steps are numbered 1, 2, 3 … (or from 0) without a gap; 1.1, 1.2, 2.1 is one too."""
    found = [_numbers(one, many=_by_parts(groups)) for one in groups]
    numbers = [next(iter(one)) for one in found if len(one) == 1]
    if len(numbers) < len(groups) or not all(part in (0, 1) for part in numbers[0]):
        return False
    for before, after in pairwise(numbers):
        deeper = after[:-1] == before[:-1] and after[-1] == before[-1] + 1
        higher = len(after) > 1 and after[0] == before[0] + 1 and after[-1] in (0, 1)
        if not (deeper or higher):
            return False
    return True


def notes_of(groups: Sequence[Group]) -> list[Note]:
    """What is unusual about the markers."""
    notes: list[Note] = []
    markers = [part.marker for one in groups for part in one]
    if any(found.reference for found in markers):
        notes.append("reference_markers")
    if any(found.number is None for found in markers):
        notes.append("unnumbered")
    expected = [(number,) for number in range(1, len(groups) + 1) for _ in ORDER]
    if any(found.number not in (None, wanted) for found, wanted in zip(markers, expected, strict=True)):
        notes.append("renumbered")
    return notes


def _checked(groups: Sequence[Group]) -> ParseFailure | None:
    many = _by_parts(groups)
    highest: Number | None = None
    for one in groups:
        numbers = _numbers(one, many=many)
        if len(numbers) > 1:
            return ParseFailure(
                "numbers_disagree", f"{one.meta}, {one.sub_problem} and {one.answer} are taken for one step"
            )
        for number in numbers:
            if highest is not None and number <= highest:
                return ParseFailure(
                    "numbering_restarts", f"{one.meta} comes after number {'.'.join(map(str, highest))}"
                )
            highest = number
    if highest is None and len(groups) > 1 and (again := _again(groups)) is not None:
        return ParseFailure("numbering_restarts", f"{again.meta} says the first step again")
    totals = {part.marker.total for one in groups for part in one if part.marker.total is not None}
    if len(totals) == 1 and len(groups) < (total := totals.pop()):
        return ParseFailure("incomplete_last_step", f"the text ends after step {len(groups)} of {total}")
    return None


def _again(groups: Sequence[Group]) -> Group | None:
    """An unnumbered step that is the first one over again: a second decomposition."""
    first = [part.text() for part in groups[0]]
    return next((one for one in groups[1:] if [part.text() for part in one] == first), None)


def _by_parts(groups: Sequence[Group]) -> bool:
    """Whether the parts themselves are counted: 1.1, 1.2, 1.3 for the three of step 1."""
    return all(
        part.marker.number is not None and len(part.marker.number) == 2 and part.marker.number[1] == at
        for one in groups
        for at, part in enumerate(one, 1)
    )


def _numbers(one: Group, *, many: bool) -> set[Number]:
    found = {part.number if part.marker.number is not None or part.marker.kind == "meta" else None for part in one}
    return {number[:1] if many else number for number in found if number is not None}
