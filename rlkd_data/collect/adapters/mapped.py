"""`--map column=field`: a set whose columns have names of their own, read as the generic adapter reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rlkd_data.collect.adapters import generic
from rlkd_data.collect.adapters.base import Adapter, Record, SourceRow
from rlkd_data.errors import InputError, nearest

FIELDS = (
    "problem",
    "answer",
    "options",
    "domain",
    "reasoning",
    "response",
    "final_answer",
    "teacher",
    "source",
    "license",
    "pass_rate",
)
_COLUMNS = {"final_answer": "predicted"}
"""Fields that the generic adapter looks for under another name: its `final_answer` is the gold answer."""
_NOTHING = (None, "")


def mapped(columns: Mapping[str, str], first: Sequence[Record], where: str) -> Adapter:
    """An adapter for `columns` (column to field). A column may be a path, `a.b` or `a.0.b`; of several that map to one
    field, the first that holds something counts. Columns that are not mapped are read under the names that the generic
    adapter knows.

    Raises InputError naming the nearest right name for a field that there is not, and for a column that none of the
    `first` records has.
    """
    for field in columns.values():
        if field not in FIELDS:
            raise InputError(f"--map: there is no field {field!r}{_known(field, FIELDS)}")
    for column in columns:
        if not any(_has(record, column) for record in first):
            names = dict.fromkeys(name for record in first for name in _paths(record))
            raise InputError(f"--map: {where} has no column {column!r}{_known(column, list(names))}")

    def read(record: Record) -> SourceRow:
        renamed = {name: value for name, value in record.items() if name not in columns}
        given: dict[str, Any] = {}
        for column, field in columns.items():
            name, value = _COLUMNS.get(field, field), _get(record, column)
            if given.get(name) in _NOTHING and value not in _NOTHING:
                given[name] = value
        return generic.read(renamed | {_COLUMNS.get(field, field): None for field in columns.values()} | given)

    return Adapter("mapped", frozenset(), read)


def _get(record: Any, path: str) -> Any:
    """What stands at a path; None where nothing does. A column whose own name holds dots comes first."""
    if isinstance(record, Mapping) and path in record:
        return record[path]
    found = record
    for part in path.split("."):
        if isinstance(found, Mapping):
            found = found.get(part)
        elif isinstance(found, Sequence) and not isinstance(found, str) and part.lstrip("-").isdigit():
            index = int(part)
            found = found[index] if -len(found) <= index < len(found) else None
        else:
            return None
    return found


def _has(record: Record, path: str) -> bool:
    if path in record:
        return True
    parent, dot, last = path.rpartition(".")
    above = _get(record, parent) if dot else None
    return (isinstance(above, Mapping) and last in above) or _get(record, path) is not None


def _paths(record: Record) -> Iterable[str]:
    for name, value in record.items():
        yield name
        if isinstance(value, Mapping):
            yield from (f"{name}.{inner}" for inner in value)


def _known(name: str, there_are: Sequence[str]) -> str:
    close = nearest(name, there_are)
    hint = f": did you mean {close!r}? " if close else " "
    return f"{hint}(there are {', '.join(there_are)})"
