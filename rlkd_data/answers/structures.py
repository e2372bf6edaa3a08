"""Answers that are lists, grids, tuples or mappings, as puzzles have them, read as what they are. Pure."""

from __future__ import annotations

import ast
import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

_LONGEST = 20_000
"""Characters up to which an answer is read as a structure."""
_FENCE = re.compile(r"^```\w*\n(?P<inner>.*?)\n?```$", re.DOTALL)
_CELL = re.compile(r"[\s,;|]+")
_BARE_LIST = re.compile(r"[^,;]{1,60}(?:[,;][^,;]{1,60})+")


def framed(text: str) -> bool:
    """Whether a text is written as a structure: in brackets, fenced, or in rows."""
    bare = text.strip().strip("$*").strip()
    return bare[:1] in ("[", "(", "{", "`") or "\n" in bare


def as_structure(text: str) -> Any | None:
    """Nested tuples of numbers and words, or a frozenset of pairs for a mapping; None where the text is none.

    Read are: Python and JSON literals, a grid of rows with cells of equal number, and words or numbers between commas.
    A list and a tuple are the same; `2` and `2.0` are, and words in other case.
    """
    bare = text.strip().strip("$*").strip()
    fenced = _FENCE.match(bare)
    bare = fenced["inner"].strip() if fenced else bare
    if not bare or len(bare) > _LONGEST:
        return None
    if bare[0] in "[({" and bare[-1] in "])}":
        return _literal(bare)
    rows = [[cell for cell in _CELL.split(line) if cell] for line in bare.splitlines() if line.strip()]
    if len(rows) > 1:
        same = len({len(row) for row in rows}) == 1 and all(set("".join(row)) - set("-+=") for row in rows)
        return tuple(tuple(_leaf(cell) for cell in row) for row in rows) if same and len(rows[0]) > 1 else None
    if _BARE_LIST.fullmatch(bare):
        return tuple(_leaf(part) for part in re.split("[,;]", bare))
    return None


def _literal(text: str) -> Any | None:
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(text)
            return _frozen(found) if isinstance(found, (list, tuple, dict, set)) else None
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    inner = text[1:-1]
    if _BARE_LIST.fullmatch(inner) and not set(inner) & set("[](){}:\\"):  # [red, green], without quotes
        return tuple(_leaf(part) for part in re.split("[,;]", inner))
    return None


def _frozen(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(one) for one in value)
    if isinstance(value, set):
        return frozenset(_frozen(one) for one in value)
    if isinstance(value, dict):
        return frozenset((_frozen(key), _frozen(one)) for key, one in value.items())
    return _leaf(value)


def _leaf(value: Any) -> Any:
    """A number as Decimal; anything else as folded text, without quotes."""
    if isinstance(value, bool) or value is None:
        return str(value).casefold()
    text = str(value).strip().strip("'\"").strip()
    try:
        number = Decimal(text)
    except InvalidOperation:
        return " ".join(text.split()).casefold()
    return number if number.is_finite() else text.casefold()
