"""Rows as the nested dicts that Arrow takes and gives, and back."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any


def to_record(row: Any) -> dict[str, Any]:
    """A row as the nested dict that Arrow takes (field order is the schema's). Not `dataclasses.asdict`, whose copies
    of every value cost more than writing them."""
    return {name: _plain(getattr(row, name)) for name in _names(row.__class__)}


_SCALARS = frozenset({str, int, float, bool, type(None), datetime})


def _plain(value: Any) -> Any:
    if type(value) in _SCALARS:
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return to_record(value) if dataclasses.is_dataclass(value) else value


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(kind))


def from_record(kind: type, record: dict[str, Any]) -> Any:
    """A row's dataclass, its nested ones too, from the nested dicts that Arrow gives: the inverse of `to_record`."""
    return kind(**{name: read(record[name]) for name, read in _readers(kind) if name in record})


@cache
def _readers(kind: type) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    hints = typing.get_type_hints(kind)
    return tuple((f.name, _reader(hints[f.name])) for f in dataclasses.fields(kind))


def _reader(hint: Any) -> Callable[[Any], Any]:
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        item = _reader(arguments[0])
        return lambda values: tuple(item(value) for value in values or ())
    kinds = [kind for kind in (hint, *arguments) if isinstance(kind, type) and dataclasses.is_dataclass(kind)]
    if kinds:
        return lambda value: None if value is None else from_record(kinds[0], value)
    return lambda value: value
