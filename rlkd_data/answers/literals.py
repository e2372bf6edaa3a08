"""Answers in a data set's own types: numbers, booleans, lists of them, or their text. Pure."""

from __future__ import annotations

import ast
import json
import math
import re
from typing import Any

_LIST = re.compile(r"\[\s*(?:['\"].*['\"])\s*\]", re.DOTALL)
_LONGEST = 2000


def from_value(value: object) -> str | None:  # noqa: PLR0911 - a kind each
    """An answer in whatever type a source has it, as text: `40.0` as 40, `true` as True, several between commas. None
    where there is none. Raises ValueError where it is of a type that is no answer."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"the number {value}")
        return str(int(value)) if value.is_integer() and abs(value) < 10**15 else repr(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return value.strip() or None
    if _are_tests(value):
        return json.dumps(value)
    if isinstance(value, (list, tuple)):
        parts = [part for part in (from_value(one) for one in value) if part is not None]
        return ", ".join(parts) or None
    raise ValueError(f"a {_name(value)}")


def _are_tests(value: object) -> bool:
    """Whether a value holds a program's tests, as `programs.read_tests` reads them."""
    if isinstance(value, dict):
        return {"inputs", "outputs"} <= value.keys()
    if not isinstance(value, (list, tuple)) or not value:
        return False
    return all(isinstance(one, str) and re.match(r"\s*assert\b", one) for one in value)


def from_literal(text: str) -> str | None:
    """A list of texts, as Python or JSON write it, as its items between commas; None for any other text."""
    bare = text.strip()
    if len(bare) > _LONGEST or not _LIST.fullmatch(bare):
        return None
    found: Any
    for reader in (json.loads, ast.literal_eval):
        try:
            found = reader(bare)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(found, list) and found and all(isinstance(one, str) for one in found):
            return ", ".join(one.strip() for one in found)
    return None


def _name(value: object) -> str:
    return {"dict": "mapping", "bytes": "run of bytes"}.get(type(value).__name__, type(value).__name__)
