"""What an adapter makes of a source's record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rlkd_data.schema import DOMAINS, Domain

Record = Mapping[str, Any]


class Unusable(Exception):
    """A record that cannot become a row. `reason` is a code; it is kept among the rejected rows."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason, self.detail = reason, detail or None


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A problem, and where the source has one, a trace of it. None: the source does not say."""

    problem: str
    answer: str | None = None
    domain: Domain | None = None
    reasoning: str | None = None
    response: str | None = None
    final_answer: str | None = None
    teacher: str | None = None
    source: str | None = None
    license: str | None = None


@dataclass(frozen=True, slots=True)
class Adapter:
    """How to read one set's columns. `needs` are the columns that tell it; `domain` is that of rows that name none."""

    name: str
    needs: frozenset[str]
    read: Callable[[Record], SourceRow]
    domain: Domain | None = None


def text(record: Record, *names: str) -> str | None:
    """The first of these columns that holds text, as text; None where none does."""
    for name in names:
        value = record.get(name)
        if isinstance(value, bool) or value is None:
            continue
        if isinstance(value, (str, int, float)) and str(value).strip():
            return str(value).strip()
    return None


def required(record: Record, *names: str) -> str:
    """Like `text`. Raises Unusable where none holds text."""
    value = text(record, *names)
    if value is None:
        raise Unusable(f"no_{names[0]}", f"no text in column {' or '.join(names)}")
    return value


def as_domain(value: str | None) -> Domain | None:
    """A source's own word for a domain as one of ours; None where it is none that we know."""
    word = (value or "").strip().lower()
    if word in ("physics", "chemistry", "biology", "medicine"):
        return "science"
    if word in ("logic", "puzzles", "planning"):
        return "puzzle"
    return next((domain for domain in DOMAINS if domain == word), None)
