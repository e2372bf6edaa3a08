"""Text to steps: either a decomposition that can be read in one way, or the reason why it cannot.

The order: the thought before the reply is left out; tags and tables become lines with markers; code blocks that only
wrap are told from those that hold code; the form of the markers is the first that the meta-reasonings have; lines
between steps that belong to none are left out; parts become steps; what is behind the last is the final answer.

A reply that could be read in two ways is a failure, never a guess: a wrong step would train a student in silence. So
where a whole step more stands in it, in code, inside a line or in another form of marker, the reply is read with it
too, and only a numbering without a gap can tell which reading is meant. Runs in time linear in the text, and raises
nothing whatever the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rlkd_data.schema import Step
from rlkd_data.structure.closing import ending, final_part, second_answer
from rlkd_data.structure.fences import Layout, layout
from rlkd_data.structure.groups import Group, gapless, group, notes_of
from rlkd_data.structure.markers import Form, Marker, inside, marker
from rlkd_data.structure.parsed import FailureCode, Note, Parsed, ParseFailure
from rlkd_data.structure.parts import split
from rlkd_data.structure.table import from_table
from rlkd_data.structure.tagged import from_tags
from rlkd_data.structure.thought import cut_thought
from rlkd_data.structure.titles import title

__all__ = ["FailureCode", "Note", "ParseFailure", "Parsed", "parse"]

_TIERS: tuple[frozenset[Form], ...] = (
    frozenset({"bracketed"}),
    frozenset({"plain"}),
    frozenset({"heading"}),
    frozenset({"plain", "heading"}),
)
_ALL: frozenset[Form] = frozenset({"bracketed", "plain", "heading"})
_Place = tuple[int, int]
"""A line of the reply, and which of the pieces that markers inside it make."""

_Universe = Sequence[tuple[_Place, str, Marker | None]]
"""Every piece of a line that a marker could open, with that marker."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read a reply: its lines, and which of them open a part."""

    lines: Sequence[str]
    marks: Mapping[int, Marker]
    layout: Layout
    places: Sequence[_Place]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class _Read:
    """What a reading comes to."""

    parsed: Parsed
    gapless: bool
    used: frozenset[_Place]


def parse(text: str) -> Parsed | ParseFailure:
    """Read a decomposition.

    Numbers may skip: steps are numbered anew by their order; but the three parts of one step must agree in their
    number, and numbers that come again or fall back mean a second decomposition, or one planted in the text: a failure.
    So is a thought that holds steps itself, for whoever does not know that it is one (see `read`).
    """
    if not text.strip():
        return ParseFailure("empty_text", "the reply is empty")
    cut = cut_thought(text)
    if cut.form == "unclosed":
        return ParseFailure("thought_only", "the reply is a thought that does not end")
    if cut.thought is not None and holds_step(f"{cut.thought}\n{cut.between}"):
        return ParseFailure("thought_with_steps", "steps stand in a thought, and behind it")
    return parse_reply(cut.text, ("thought_cut",) if cut.thought is not None else ())


def parse_reply(text: str, notes: tuple[Note, ...] = ()) -> Parsed | ParseFailure:
    """`parse`, for a text without a thought. `notes` are put before those of this reading."""
    if not text.strip():
        return ParseFailure("empty_text", "the reply is empty")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    universe = _universe(lines)
    opening = [text for _, text, found in universe if found is not None and found.kind == "meta"]
    if opening and all(text.startswith(">") for text in opening):  # all of it is quoted
        lines = [line.removeprefix(">").removeprefix(" ") if line.startswith(">") else line for line in lines]
        universe = _universe(lines)
    if "[/" in text or not opening:
        if (tagged := from_tags(text)) is not None:
            lines, notes = [line.removesuffix("\r") for line in tagged.split("\n")], (*notes, "tags")
            universe = _universe(lines)
        elif (rows := from_table(lines)) is not None:
            lines, notes = rows, (*notes, "table")
            universe = _universe(lines)
    return _decide(lines, universe, notes)


def holds_step(text: str) -> bool:
    """Whether a whole step stands in a text: a meta-reasoning, a sub-problem and an answer, each with its marker."""
    universe = _universe(text.split("\n"))
    return _hidden(universe, frozenset())


def _decide(lines: list[str], universe: _Universe, notes: tuple[Note, ...]) -> Parsed | ParseFailure:
    first: ParseFailure | None = None
    chosen: _Read | None = None
    for reading in _readings(lines, universe, notes):
        found = _read(reading)
        if isinstance(found, ParseFailure):
            first = first or found
            continue
        if chosen is None:
            chosen = found
            if not _hidden(universe, found.used):
                return found.parsed
            continue
        if found.parsed.steps == chosen.parsed.steps or found.gapless is chosen.gapless:
            continue
        return found.parsed if found.gapless else chosen.parsed
    if chosen is not None:
        return ParseFailure("two_readings", "a whole step more stands in code, inside a line or in another form")
    return first or ParseFailure("no_markers", f"no [Meta-reasoning] marker in {len(lines)} lines")


def _readings(lines: list[str], universe: _Universe, notes: tuple[Note, ...]) -> Iterator[_Reading]:
    """Ways to read the lines, the most likely first: by lines, with markers inside lines, with all there is."""
    whole = [
        found if text == lines[place[0]] else marker(lines[place[0]]) for place, text, found in universe if not place[1]
    ]
    places = [(number, 0) for number in range(len(lines))]
    tiers = [tier for tier in _TIERS if any(m is not None and m.kind == "meta" and m.form in tier for m in whole)]
    tiers = tiers[:1] if tiers and tiers[0] == _TIERS[0] else tiers
    for tier in tiers or [t for t in _TIERS if any(m and m.kind != "final" and m.form in t for m in whole)][:1]:
        yield _reading(lines, whole, places, tier, notes)
    pieces = [text for _, text, _ in universe]
    marks = [found for _, _, found in universe]
    split_places = [place for place, _, _ in universe]
    if len(pieces) > len(lines):
        inside_notes: tuple[Note, ...] = (*notes, "one_line")
        for tier in tiers:
            yield _reading(pieces, marks, split_places, tier, inside_notes)
    yield _reading(pieces, marks, split_places, _ALL, notes, code=False)


def _reading(
    lines: Sequence[str],
    marks: Sequence[Marker | None],
    places: Sequence[_Place],
    forms: frozenset[Form],
    notes: tuple[Note, ...],
    *,
    code: bool = True,
) -> _Reading:
    """`code`: markers inside code blocks are code."""
    marked: dict[int, Marker] = {}
    for number, found in enumerate(marks):
        if found is not None and (found.form in forms or (found.kind == "final" and found.number is None and marked)):
            marked[number] = found
    fences = Layout((False,) * len(lines), frozenset())
    if code:
        opens = [number in marked and marked[number].kind != "final" for number in range(len(lines))]
        fences = layout(lines, opens, [not line.strip() or title(line) is not None for line in lines])
        marked = {number: found for number, found in marked.items() if not fences.in_code[number]}
    if fences.wrappers:
        notes = (*notes, "unfenced")
    if forms != _TIERS[0]:
        notes = (*notes, "unbracketed")
    return _Reading(lines, marked, fences, places, notes)


def _read(reading: _Reading) -> _Read | ParseFailure:
    if not any(found.kind != "final" for found in reading.marks.values()):
        return ParseFailure("no_markers", f"no [Meta-reasoning] marker in {len(reading.lines)} lines")
    found = split(reading.lines, reading.marks, reading.layout)
    parts = found.parts
    final = parts.pop() if parts[-1].marker.kind == "final" else None
    if (
        final is None
        and len(parts) > 3
        and len(parts) % 3 == 1
        and parts[-1].marker.kind == "answer"
        and second_answer(parts[-1])
    ):
        final = parts.pop()
    grouped = group(parts)
    if isinstance(grouped, ParseFailure):
        return grouped
    last = grouped[-1].answer
    final_answer, after = final_part(final, last) if final is not None else ending(last)
    steps = _steps(grouped)
    if isinstance(steps, ParseFailure):
        return steps
    notes: list[Note] = list(reading.notes)
    if found.before:
        notes.append("text_before")
    if found.titles:
        notes.append("titles")
    notes.extend(notes_of(grouped))
    if after:
        notes.append("text_after")
    used = frozenset(reading.places[number] for number in reading.marks)
    return _Read(Parsed(steps, final_answer, tuple(dict.fromkeys(notes))), gapless(grouped), used)


def _steps(grouped: Sequence[Group]) -> tuple[Step, ...] | ParseFailure:
    texts = [[part.text() for part in one] for one in grouped]
    flat = [text for three in texts for text in three]
    if len(flat) > 1 and all(text.lower().endswith(("<br>", "<br/>")) for text in flat[:-1]):
        texts = [[_without_break(text) for text in three] for three in texts]
    steps = []
    for index, (one, (meta, sub_problem, answer)) in enumerate(zip(grouped, texts, strict=True), 1):
        if not (meta and sub_problem and answer):
            empty = next(part for part, text in zip(one, (meta, sub_problem, answer), strict=True) if not text)
            return ParseFailure("empty_part", f"nothing stands behind {empty}")
        steps.append(Step(index, meta, sub_problem, answer))
    return tuple(steps)


def _without_break(text: str) -> str:
    while text.lower().endswith(("<br>", "<br/>")):
        text = text[: text.rindex("<")].rstrip()
    return text


def _universe(lines: Sequence[str]) -> _Universe:
    found: list[tuple[_Place, str, Marker | None]] = []
    for number, line in enumerate(lines):
        first = marker(line)
        pieces = inside(line, first)
        if len(pieces) == 1:
            found.append(((number, 0), line, first))
        else:
            found.extend(((number, at), piece, marker(piece)) for at, piece in enumerate(pieces))
    return found


def _hidden(universe: _Universe, used: frozenset[_Place]) -> bool:
    """Whether a whole step stands between the markers that were used."""
    order = ("meta", "sub_problem", "answer")
    seen = 0
    for place, _, found in universe:
        if found is None or found.kind == "final":
            continue
        if place in used:
            seen = 0
        elif found.kind == order[seen]:
            seen += 1
            if seen == len(order):
                return True
        elif found.kind == "meta":
            seen = 1
    return False
