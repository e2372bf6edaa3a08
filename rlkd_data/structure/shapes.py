"""The shapes of JSON in which annotators write steps, and how each is read.

A list of steps in an object, as asked for; that object inside another; the list alone; an object with a step under each
of its keys; one flat object whose keys are numbered. Keys may have hyphens, spaces or capitals.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from rlkd_data.schema import Step
from rlkd_data.structure.parsed import Note, Parsed, ParseFailure

_KEYS: dict[str, tuple[str, ...]] = {
    "meta_reasoning": ("metareasoning", "meatreasoning", "subthink", "subthinking", "meta"),
    "sub_problem": ("subproblem", "subquestion", "query", "question"),
    "answer": ("answer", "subanswer"),
}
"""The names of each part without anything but letters, the best first."""
_FINAL = ("finalanswer", "finalresult")
_STEPS = ("steps", "decomposition", "reasoningsteps", "steplist")
_COUNTED = ("step", "index", "id", "number", "n", "stepnumber", "stepid", "stepindex")
_WRITTEN = {
    "meta_reasoning": r"me(?:ta|at)[-_ ]?reasoning|sub[-_ ]?think(?:ing)?",
    "sub_problem": r"sub[-_ ]?(?:problem|question)|query",
    "answer": r"(?:sub[-_ ]?)?answer",
}
_KEY = {
    part: re.compile(rf"(?<![\w-])(?:{names})(?:[-_ ]?\d{{1,4}})?[\"'”’“]?\s*:", re.IGNORECASE)
    for part, names in _WRITTEN.items()
}
_DEEPEST = 4
_LONGEST_KEY = 64


class Digits(str):
    """A number as it was written."""

    __slots__ = ()


_ENTRIES = 20_000
"""Of all objects together: a decomposition of thousands of steps has fewer."""


class TwiceNamed(Exception):
    """An object that has a key twice: which of the two is meant cannot be told."""


class TooMany(Exception):
    """JSON of more entries than any decomposition has."""


class Once:
    """Makes objects from their pairs. Raises TwiceNamed, and TooMany where all of them together have too many."""

    def __init__(self) -> None:
        self._left = _ENTRIES

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self._take(len(pairs))
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found and found[key] != value:
                raise TwiceNamed(key)
            found[key] = value
        return found

    def number(self, written: str) -> Digits:
        """A number, as it was written."""
        self._take(1)
        return Digits(written)

    def _take(self, entries: int) -> None:
        self._left -= entries
        if self._left < 0:
            raise TooMany(f"it has more than {_ENTRIES:,} entries and numbers")


def holds_keys(text: str) -> bool:
    """Whether every part of a step stands in a text as a key."""
    return all(pattern.search(text) for pattern in _KEY.values())


def count_keys(text: str) -> dict[str, int]:
    """How often each part stands in a text as a key."""
    return {part: len(pattern.findall(text)) for part, pattern in _KEY.items()}


def read_value(value: Any, notes: Sequence[Note]) -> Parsed | ParseFailure:  # noqa: PLR0911 - a failure each
    """The steps of a JSON value."""
    found = _steps_of(value, 0)
    if found is None:
        return ParseFailure("wrong_shape", "the JSON is no object with a list of steps")
    rows, final, other = found
    if isinstance(final, bool) or not isinstance(final, (str, int, float, type(None))):
        return ParseFailure("wrong_shape", f"final_answer is a {type(final).__name__}")
    steps: list[Step] = []
    highest: int | None = None
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            return ParseFailure("wrong_shape", f"step {number} is a {type(row).__name__}")
        parts = [_part(row, name) for name in _KEYS]
        if any(part is None for part in parts):
            return ParseFailure("missing_part", f"step {number} lacks a part, or one is no text")
        meta, sub_problem, answer = ((part or "").strip() for part in parts)
        if not (meta and sub_problem and answer):
            return ParseFailure("empty_part", f"a part of step {number} is empty")
        if (counted := _counted(row)) is not None:
            if highest is not None and counted <= highest:
                return ParseFailure("numbering_restarts", f"step {counted} comes after number {highest}")
            highest = counted
        steps.append(Step(number, meta, sub_problem, answer))
    if not steps:
        return ParseFailure("no_markers", "the list of steps is empty")
    said = None if final is None else str(final).strip() or None
    told: list[Note] = [*notes, "other_form"] if other else [*notes]
    return Parsed(tuple(steps), said, tuple(dict.fromkeys(told)))


def _steps_of(value: Any, depth: int) -> tuple[list[Any], Any, bool] | None:  # noqa: PLR0911 - a shape each
    """The rows of the steps, the final answer, and whether the shape is another than that asked for."""
    if depth > _DEEPEST or (isinstance(value, (dict, list)) and len(value) > _ENTRIES):
        return None
    if isinstance(value, list):
        rows = [_bare(row) for row in value]
        if rows and isinstance(rows[-1], dict) and len(rows) > 1 and not _is_step(rows[-1]):
            final = _named(rows[-1], _FINAL)
            if final is not None and len(rows[-1]) == 1:
                return rows[:-1], final, True
        return (rows, None, True) if any(isinstance(row, dict) and _is_step(row) for row in rows) else None
    if not isinstance(value, dict):
        return None
    if isinstance(listed := value.get("steps"), list) and len(listed) <= _ENTRIES:
        return [_bare(row) for row in listed], _final_of(value), _other_keys(listed)
    if _is_step(value):
        return [value], _named(value, _FINAL), True
    if (flat := _flat(value)) is not None:
        return flat, _named(value, _FINAL), True
    inner = [found for one in value.values() if (found := _steps_of(one, depth + 1)) is not None]
    keyed = [_bare(one) for one in value.values() if isinstance(one, dict)]
    if keyed and all(_is_step(one) for one in keyed):
        return keyed, _final_of(value), True
    if len(inner) != 1:
        return None
    rows, final, _ = inner[0]
    return rows, final if final is not None else _final_of(value), True


def _final_of(value: Mapping[str, Any]) -> Any:
    if "final_answer" in value:
        return value["final_answer"]
    found = _named(value, _FINAL)
    return found if found is not None else _named(value, ("answer",))


def _other_keys(rows: Sequence[Any]) -> bool:
    return any(isinstance(row, dict) and not all(part in row for part in _KEYS) for row in rows)


def _bare(row: Any) -> Any:
    """`{"step_1": {…}}` as what it wraps."""
    if isinstance(row, dict) and len(row) == 1 and isinstance(inner := next(iter(row.values())), dict):
        return inner
    return row


def _is_step(row: Any) -> bool:
    return isinstance(row, dict) and sum(_part(row, name) is not None for name in _KEYS) >= 2


def _part(row: Mapping[str, Any], name: str) -> str | None:
    """A part's text. An answer may be written as a number."""
    for key in (name, *_KEYS[name]):
        found = row[key] if key in row else _named(row, (key,))
        if isinstance(found, Digits) and name != "answer":
            return None
        if isinstance(found, str):
            return found
        if name == "answer" and isinstance(found, (int, float)) and not isinstance(found, bool):
            return str(found)
    return None


def _named(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    found = [value for key, value in row.items() if len(key) <= _LONGEST_KEY and _letters(key) in names]
    return found[0] if len(found) == 1 else None


def _counted(row: Mapping[str, Any]) -> int | None:
    found = _named(row, _COUNTED)
    digits = re.search(r"\d{1,6}", str(found)) if isinstance(found, (str, int)) else None
    return int(digits[0]) if digits else None


def _flat(value: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The rows of one flat object: `{"meta_reasoning_1": …, "sub_problem_1": …, "answer_1": …, …}`."""
    rows: dict[int, dict[str, Any]] = {}
    for key, one in value.items():
        found = re.fullmatch(r"(.*?)[-_ ]?(\d{1,4})", key)
        part = None if found is None else next((p for p, names in _KEYS.items() if _letters(found[1]) in names), None)
        if found is not None and part is not None:
            rows.setdefault(int(found[2]), {})[part] = one
    return [rows[number] for number in sorted(rows)] if rows else None


@lru_cache(_ENTRIES)
def _letters(key: str) -> str:
    return re.sub(r"[^a-z]", "", key.lower())
