"""The lines that open a part of a decomposition, in every spelling that we accept.

A marker stands at the start of a line, perhaps behind a list bullet, a heading, bold or "Step 1:". Its forms, of which
the first that a reply's meta-reasonings have is taken:

- `bracketed`: `[Meta-reasoning 1]: …`, `**[Sub-problem 2]** …`, `【Answer 3】：…`, `[Answer (Step 1)]`, `[Answer 1/3]`
- `plain`: `Meta-reasoning 1: …`, `**Answer (Step 1):** …`, `Answer 1 - …`
- `heading`: a line `### Meta-reasoning 1`, `**Answer 1**` with the text below

The public reference implementation's spellings (`Meat-reasoning`, `sub-think`, `Query`) are known too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from rlkd_data.structure.characters import folded, visible

Kind = Literal["meta", "sub_problem", "answer", "final"]
Form = Literal["bracketed", "plain", "heading"]
Number = tuple[int, ...]
"""`2` is (2,), `2.1` is (2, 1)."""

_NAMES: tuple[tuple[Kind, str], ...] = (
    ("meta", r"me(?:ta|at)[\s_-]?reasoning|sub[\s_-]?think(?:ing)?"),
    ("sub_problem", r"sub[\s_-]?(?:problem|question)|query"),
    ("final", r"final[\s_-]?answer"),
    ("answer", r"(?:sub[\s_-]?)?answer"),
)
NAME = "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _NAMES)
_HAS_NAME = re.compile(r"me(?:ta|at)|sub|query|answer", re.IGNORECASE)
_COUNT = r"\d{1,6}(?:\.\d{1,4}){0,2}"
_NUMBER = rf"(?:step|no\.?)?[ \t]?\#?[ \t]?(?P<number>{_COUNT})(?:[ \t]?(?:/|of)[ \t]?(?P<total>\d{{1,6}}))?"
_EMPHASIS = r"\*{1,3}|_{1,3}"
_HTML = r"(?:<(?:b|strong|em|i|u|p|li|div|span|h[1-6])>){0,3}"
_STEP = (
    rf"(?:[\[(]?(?:step|stage|phase)[ \t]?\#?(?P<lead>{_COUNT})(?:[ \t]?(?:/|of)[ \t]?\d{{1,6}})?"
    rf"[\])]?(?P<lead_closed>{_EMPHASIS})?[ \t]?[:.,)|>-]{{0,2}}(?P<lead_shut>{_EMPHASIS})?[ \t]*)?"
)
_LEAD = (
    r"[ \t]{0,8}(?:>[ \t]?|[-*+][ \t]+|\#{1,6}[ \t]+|\d{1,3}(?:\.\d{1,3})?[.)]?[ \t]+|[^\x00-\x7f\w\s][ \t]*){0,4}"
    rf"(?P<html>{_HTML})(?P<outer>{_EMPHASIS})?{_STEP}(?P<inner>{_EMPHASIS})?"
)
_BRACKETED = re.compile(
    rf"{_LEAD}\[[ \t]?[*_]{{0,3}}(?:(?:step[ \t]?)?\#?(?P<before>{_COUNT})[ \t]?[.):,-]{{0,2}}[ \t]?)?(?:{NAME})"
    rf"(?:[ \t#_,:-]{{0,4}}\(?{_NUMBER}\)?)?[ \t:.#_-]{{0,3}}[*_]{{0,3}}[ \t]?\]"
    rf"(?:[ \t]?\(?(?:step[ \t]?)?\#?(?P<behind>\d{{1,6}})\)?(?=[*_]{{0,3}}[ \t]?:))?",
    re.IGNORECASE,
)
_PLAIN = re.compile(
    rf"{_LEAD}[(<{{]?(?:{NAME})(?:[ \t#_-]{{0,3}}\(?{_NUMBER}\)?)?[ \t]?[)>}}]?"
    r"(?P<closed>(?:</\w{1,6}>|[*_]){0,3})(?:[ \t#_-]{0,3}:|(?<=[\d)*_])[ \t]+-{1,3}>?(?=[ \t]))",
    re.IGNORECASE,
)
_HEADING = re.compile(
    rf"(?P<heads>{_LEAD})(?:{NAME})(?:[ \t#_-]{{0,3}}\(?{_NUMBER}\)?)?(?P<closed>(?:</\w{{1,6}}>|[*_]){{0,3}})"
    r"[ \t]*#{0,6}[ \t]*\Z",
    re.IGNORECASE,
)
_CLOSING_TAGS = re.compile(r"(?:</(?:b|strong|em|i|u|p|li|div|span|h[1-6])>)+")
_LONGEST = 200
"""Characters of a line in which a marker must have ended: keeps matching linear on any input."""
_INSIDE = re.compile(r"(?<![\w*_\[(<【\\])[*_]{0,3}[\[(<【]?(?=me(?:ta|at)|sub|query|answer|final)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Marker:
    """A marker at the start of a line. `rest` is the text behind it, on that line; `total` of how many steps it says
    that it is one ("1/3")."""

    kind: Kind
    number: Number | None
    rest: str
    form: Form
    reference: bool
    """Spelled as the reference implementation does."""
    total: int | None = None
    lead: Number | None = None
    """The step that a "Step 1:" before it names."""
    end: int = 0
    """Where in the line its name ends."""

    @property
    def bracketed(self) -> bool:
        return self.form == "bracketed"


def marker(line: str) -> Marker | None:
    """The marker that opens a line, if one does."""
    head, places = visible(line[:_LONGEST])
    if not _HAS_NAME.search(head := folded(head)):
        return None
    form: Form = "bracketed"
    found = _BRACKETED.match(head)
    if found is None:
        form, found = "plain", _PLAIN.match(head)
    if found is None and len(line) < _LONGEST:
        form, found = "heading", _HEADING.match(head)
        if found is not None and not _stands_out(found):
            return None
    if found is None:
        return None
    end = places[found.end() - 1] + 1 if places else found.end()
    kind = next(kind for kind, _ in _NAMES if found[kind] is not None)
    name = found[kind].lower()
    return Marker(
        kind=kind,
        number=_number(found),
        rest=_rest(line[end:], found, form),
        form=form,
        reference=name[:4] in ("meat", "quer") or name.startswith("sub-think"),
        total=int(found["total"]) if found["total"] else None,
        lead=_counted(found["lead"]),
        end=end,
    )


def inside(line: str, first: Marker | None) -> list[str]:
    """A line, which `first` opens, as several, each of the others beginning with a marker inside it:
    `[Sub-problem 1]: … [Answer 1]: …`."""
    cuts = [0]
    for found in _INSIDE.finditer(line, first.end if first else 0):
        if found.start() > cuts[-1] and inside_at(line, found.start(), found.start()):
            cuts.append(found.start())
    return [line[low:high] for low, high in zip(cuts, [*cuts[1:], len(line)], strict=True)]


def inside_at(line: str, before: int, at: int) -> bool:
    """Whether a marker that is set apart stands inside a line at `at`, behind text that ends at `before`. Plain ones
    count only where they are numbered or bold."""
    if not line[:before].strip() or not (line[before - 1].isspace() or line[before - 1] in ".?!;)]*"):
        return False
    found = marker(line[at:])
    return found is not None and found.form != "heading" and _set_apart(line[at:], found)


def _set_apart(text: str, found: Marker) -> bool:
    before = text[: len(text) - len(found.rest)] if found.rest else text
    closed = folded(before).rstrip("*_ \t")
    if found.form == "bracketed":
        return closed.endswith((":", "-"))
    return closed.endswith(":") and (found.number is not None or text.startswith(("*", "_")) or found.kind == "final")


def _stands_out(found: re.Match[str]) -> bool:
    """Whether a line that is nothing but a name is a heading: by `#`, bold or a number."""
    lead = found["heads"]
    bold = bool(found["outer"] or found["inner"] or found["html"]) and bool(found["closed"])
    return "#" in lead or bold or found["number"] is not None or (found["final"] is not None and not lead.strip())


def _rest(rest: str, found: re.Match[str], form: Form) -> str:
    """The text behind a marker, without what sets the marker off: colon, bold, a dash."""
    emphasis = found["inner"] or (found["outer"] if not (found["lead_closed"] or found["lead_shut"]) else None)
    if form == "heading":
        return ""
    if found["html"]:
        tags = _CLOSING_TAGS.match(rest.lstrip(" \t"))
        rest = rest.lstrip(" \t")[tags.end() :] if tags else _without_last_tags(rest)
    if form == "plain":
        if emphasis and not found["closed"]:
            rest, emphasis = _closed(rest, emphasis)
        elif found["closed"]:
            emphasis = None
    else:
        if emphasis and rest.startswith(emphasis):
            rest, emphasis = rest[len(emphasis) :], None
        bare = rest.lstrip(" \t")
        if folded(bare[:1]) == ":" or (folded(bare[:1]) == "-" and bare[1:2].isspace()):
            rest = bare[1:]
        if emphasis:
            rest, emphasis = _closed(rest, emphasis)
    if emphasis and rest.rstrip().endswith(emphasis) and rest.count(emphasis) % 2:
        rest = rest.rstrip().removesuffix(emphasis)  # all of the line was bold
    return rest


def _without_last_tags(rest: str) -> str:
    tail = rest.rstrip()[-60:]
    found = re.search(_CLOSING_TAGS.pattern + r"\Z", tail)
    return rest.rstrip()[: found.start() - len(tail)] if found else rest


def _closed(rest: str, emphasis: str) -> tuple[str, str | None]:
    bare = rest.lstrip(" \t")
    return (bare[len(emphasis) :], None) if bare.startswith(emphasis) else (rest, emphasis)


def _number(found: re.Match[str]) -> Number | None:
    named = [found["number"]]
    if found.re is _BRACKETED:
        named += [found["before"], found["behind"]]
    return next((_counted(number) for number in named if number), None)


def _counted(number: str | None) -> Number | None:
    return tuple(int(part) for part in number.split(".")) if number else None
