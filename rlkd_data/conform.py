"""What a shard holds as the columns that its table has now: an older version, or another program, may have made it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from rlkd_data.errors import TableError, first_line


def readable(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether values of one type can be read as another without loss that matters: narrower numbers, other ways to lay
    strings and lists out, other units of time, structs of an older table that lack a field, and nothing but nulls."""
    if found.equals(wanted) or pa.types.is_null(found):
        return True
    if pa.types.is_dictionary(found):
        return readable(found.value_type, wanted)
    if pa.types.is_struct(wanted):
        names = {field.name: field.type for field in found} if pa.types.is_struct(found) else {}
        return bool(names) and all(
            field.name not in names or readable(names[field.name], field.type) for field in wanted
        )
    if pa.types.is_list(wanted):
        listy = pa.types.is_list(found) or pa.types.is_large_list(found)
        return listy and readable(found.value_type, wanted.value_type)
    if pa.types.is_timestamp(wanted):
        return bool(pa.types.is_timestamp(found)) and found.tz is not None
    return bool(
        (pa.types.is_string(wanted) and (pa.types.is_large_string(found) or pa.types.is_string_view(found)))
        or (pa.types.is_int64(wanted) and pa.types.is_integer(found))
        or (pa.types.is_float64(wanted) and (pa.types.is_floating(found) or pa.types.is_integer(found)))
    )


def conform(batch: pa.RecordBatch, path: Path, fields: Sequence[pa.Field]) -> pa.RecordBatch:
    """The batch with these columns, each of its type; one that it lacks is null. Raises TableError, which names the
    file at `path`, for nulls where none may be, and for values that do not fit."""
    columns = []
    for field in fields:
        if field.name not in batch.schema.names:
            columns.append(pa.nulls(batch.num_rows, field.type))
            continue
        column = batch.column(field.name)
        if column.null_count and not field.nullable:
            raise TableError(
                f"{path}: column {field.name!r} has {column.null_count} nulls, where none may be; fill them"
            )
        columns.append(column if column.type.equals(field.type) else _cast(column, field, path))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(list(fields)))


def _cast(column: pa.Array, field: pa.Field, path: Path) -> pa.Array:
    options = {"safe": not pa.types.is_timestamp(field.type)}  # below a microsecond nothing is kept
    try:
        return column.cast(field.type, **options)
    except pa.ArrowException as problem:
        raise TableError(
            f"{path}: column {field.name!r} cannot be read as {field.type}: {first_line(problem)}; convert the column"
        ) from None
