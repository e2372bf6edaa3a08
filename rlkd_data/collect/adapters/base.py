"""What an adapter makes of a source's record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from rlkd_data.answers.literals import from_value
from rlkd_data.schema import DOMAINS, Domain

Record = Mapping[str, Any]
UNREADABLE_GOLD = "unreadable_answer"
"""The code of a row whose gold answer is of a type that holds none."""
Read = TypeVar("Read")
BAD_LINE = "bad_line"
"""The code of a line that holds no record."""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A problem, and where the source has one, a trace of it. None: the source does not say.

    `sample_index` tells the traces of one record apart; `pass_rate` is the share of attempts at the problem that the
    source found right.
    """

    problem: str
    answer: str | None = None
    domain: Domain | None = None
    reasoning: str | None = None
    response: str | None = None
    final_answer: str | None = None
    teacher: str | None = None
    source: str | None = None
    license: str | None = None
    sample_index: int = 0
    pass_rate: float | None = None


class Unusable(Exception):
    """A record that holds no trace that can be used. `reason` is a code; it is kept among the rejected rows. `row` is
    what is known all the same: its problem may still be put to a teacher."""

    def __init__(self, reason: str, detail: str = "", row: SourceRow | None = None) -> None:
        super().__init__(detail or reason)
        self.reason, self.detail, self.row = reason, detail or None, row


class Broken(dict[str, Any]):
    """A place of a file that holds no record: its text as a record of one column, and what is wrong with it."""

    def __init__(self, line: str, detail: str) -> None:
        super().__init__(line=line)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Adapter:
    """How to read one set's columns.

    `needs` are the columns that tell it, `fits` looks at a record where they do not say enough. `read` gives a record's
    first trace that can be used, `read_all` every one, in the order of preference, for a set that has several.
    `domain` is that of rows that name none.
    """

    name: str
    needs: frozenset[str]
    read: Callable[[Record], SourceRow]
    domain: Domain | None = None
    fits: Callable[[Record], bool] | None = None
    read_all: Callable[[Record], Sequence[SourceRow]] | None = None

    def sparing(self) -> Adapter:
        """The same adapter, for which a `Broken` record is Unusable, and not searched for columns."""
        return replace(self, read=_sparing(self.read), read_all=self.read_all and _sparing(self.read_all))

    def tells(self, record: Record) -> bool:
        """Whether this record has the columns that this adapter reads."""
        return self.needs <= record.keys() and (self.fits is None or self.fits(record))

    def rows(self, record: Record, most: int) -> Sequence[SourceRow]:
        """At most `most` traces of a record. Raises Unusable where there is none."""
        if most == 1 or self.read_all is None:
            return (self.read(record),)
        return self.read_all(record)[:most]


def _sparing(read: Callable[[Record], Read]) -> Callable[[Record], Read]:
    def spared(record: Record) -> Read:
        if isinstance(record, Broken):
            raise Unusable(BAD_LINE, record.detail)
        return read(record)

    return spared


def text(record: Record, *names: str) -> str | None:
    """The first of these columns that holds text, as text; None where none does."""
    for name in names:
        value = record.get(name)
        if isinstance(value, bool) or value is None:
            continue
        if isinstance(value, (str, int, float)) and str(value).strip():
            return str(value).strip()
    return None


def gold(record: Record, *names: str, problem: str | None = None) -> str | None:
    """The gold answer in the first of these columns that holds one, in whatever type: text, a number, a boolean, a list
    of these. None where none does. Raises Unusable naming the column whose value is no answer."""
    for name in names:
        try:
            found = from_value(record.get(name))
        except ValueError as what:
            row = SourceRow(problem) if problem else None
            raise Unusable(UNREADABLE_GOLD, f"column {name} holds {what}: no answer can be read in it", row) from None
        if found is not None:
            return found
    return None


def required(record: Record, *names: str) -> str:
    """Like `text`. Raises Unusable where none holds text."""
    value = text(record, *names)
    if value is None:
        raise Unusable(f"no_{names[0].lower()}", f"no text in column {' or '.join(names)}")
    return value


def listed(record: Record, name: str) -> list[Any]:
    """A column's list; empty where it holds none."""
    value = record.get(name)
    return list(value) if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else []


def share(value: object) -> float | None:
    """A number from 0 to 1, or None where it is none."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if 0 <= number <= 1 else None


def as_domain(value: str | None) -> Domain | None:
    """A source's own word for a domain as one of ours; None where it is none that we know."""
    word = (value or "").strip().lower()
    if word in ("physics", "chemistry", "biology", "medicine"):
        return "science"
    if word in ("logic", "puzzles", "planning", "crossword"):
        return "puzzle"
    return next((domain for domain in DOMAINS if domain == word), None)
