"""What the columns mean, from data_cards/columns.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pyarrow as pa
import yaml

from rlkd_data.run.resources import resource


@dataclass(frozen=True)
class Column:
    """`name` of a nested one has dots; `meaning` is empty where nobody wrote one down."""

    name: str
    type: str
    meaning: str


@cache
def _written() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = yaml.safe_load(resource("data_cards", "columns.yaml").read_text("utf-8"))
    return found


def described(table: str, schema: pa.Schema) -> list[Column]:
    """Every column of a table, those inside structs too."""
    return [column for field in schema for column in _column(table, field.name, field.type)]


def _column(table: str, name: str, kind: pa.DataType) -> Iterator[Column]:
    written = _written()
    places = (written.get(table, {}), written["nested"] if "." in name else written["shared"])
    yield Column(name, _type(kind), next((place[name] for place in places if name in place), ""))
    inner = kind.value_type if pa.types.is_list(kind) or pa.types.is_large_list(kind) else kind
    if pa.types.is_struct(inner):
        for field in inner:
            yield from _column(table, f"{name}.{field.name}", field.type)


def _type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list of {_type(kind.value_type)}"
    if pa.types.is_struct(kind):
        return "struct"
    return "timestamp (UTC)" if pa.types.is_timestamp(kind) else str(kind).removeprefix("large_")
