"""Arrow columns from Python's values, without pandas.

`pa.array` imports pandas with the first list that it is given, to see whether the list is a series: half a second of
CPU time in every command that writes a table. The types of our tables are few, so their buffers are laid out here
(Arrow Columnar Format, "Physical Memory Layout"); what is none of them, or does not fit, goes to `pa.array` after all.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence, Sized
from datetime import UTC, datetime, timedelta
from itertools import accumulate, chain
from typing import Any

import pyarrow as pa

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def table_of(records: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """A table of records by the names of its columns. Raises UnicodeEncodeError for half of a surrogate pair, and what
    Arrow raises for values that are not of their column's type."""
    columns = [column_of([record.get(field.name) for record in records], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def column_of(values: Sequence[Any], kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    """The values as an array of a type."""
    try:
        made = _laid_out(values, kind)
    except (TypeError, OverflowError):
        made = None  # Arrow says what is wrong
    return pa.array(values, kind) if made is None else made


def _laid_out(values: Sequence[Any], kind: pa.DataType) -> pa.Array | None:
    """None where it is not for us to do."""
    present = [value is not None for value in values]
    valid = None if all(present) else _bits(present)
    buffers: list[Any] = []
    children: list[Any] = []
    if pa.types.is_string(kind):
        texts = [b"" if value is None else str.encode(value) for value in values]
        buffers = [_ends(texts), pa.py_buffer(b"".join(texts))]
    elif pa.types.is_boolean(kind) and _only(values, bool):
        buffers = [_bits([bool(value) for value in values])]
    elif pa.types.is_int64(kind) and _only(values, int):
        buffers = [pa.py_buffer(array("q", [value or 0 for value in values]))]
    elif pa.types.is_float64(kind) and _only(values, float, int):
        buffers = [pa.py_buffer(array("d", [0.0 if value is None else value for value in values]))]
    elif kind == pa.timestamp("us", tz="UTC") and _only(values, datetime):
        buffers = [pa.py_buffer(array("q", map(_microseconds, values)))]
    elif pa.types.is_struct(kind) and _only(values, dict):
        rows = [value or {} for value in values]
        children = [column_of([row.get(field.name) for row in rows], field.type) for field in kind]
    elif pa.types.is_list(kind) and _only(values, list, tuple):
        lists = [value or () for value in values]
        buffers = [_ends(lists)]
        children = [column_of(list(chain.from_iterable(lists)), kind.value_type)]
    else:
        return None
    if any(isinstance(child, pa.ChunkedArray) for child in children):
        return None
    return pa.Array.from_buffers(kind, len(values), [valid, *buffers], children=children)


def _ends(parts: Sequence[Sized]) -> pa.Buffer:
    """Where each ends, after where the first begins, in 32 bits. Raises OverflowError for more than fits."""
    return pa.py_buffer(array("i", accumulate(map(len, parts), initial=0)))


def _only(values: Sequence[Any], *kinds: type) -> bool:
    """Whether all values are exactly of these types, or null: a truth is no number, whatever Python says."""
    return all(value is None or type(value) in kinds for value in values)


def _bits(truths: Sequence[bool]) -> pa.Buffer:
    """A bit for each, the least significant first."""
    packed = int("0" + "".join("01"[truth] for truth in reversed(truths)), 2)
    return pa.py_buffer(packed.to_bytes((len(truths) + 7) // 8, "little"))


def _microseconds(when: datetime | None) -> int:
    if when is None:
        return 0
    return ((when if when.tzinfo else when.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND
