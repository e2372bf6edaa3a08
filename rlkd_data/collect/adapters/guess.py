"""What the columns of an unknown shape most likely hold, as the `--map` that would read them. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rlkd_data.collect.adapters.base import Record, Unusable
from rlkd_data.collect.adapters.mapped import mapped

_NAMES = {
    "problem": "problem question query prompt instruction task exercise input q ques user human",
    "reasoning": "reasoning thinking thought thoughts think cot rationale trajectory chain",
    "response": "response output completion solution generation reply assistant gpt attempt explanation",
    "answer": "answer gold label target truth expected ans result",
    "teacher": "teacher model generator",
    "domain": "domain subject",
    "license": "license licence",
}
"""Words that the last part of a column's name may hold, by field, in the order in which a field is looked for."""
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_THOUGHT = re.compile(r"</(?:think|thinking|thought)>|\[/THINK\]|<\|end_of_thought\|>", re.IGNORECASE)
_SHORT = 60
"""Characters up to which a text may be an answer alone."""
_DEEP = 3


def suggested(record: Record) -> str | None:
    """The flags that would read a record, or None where no column holds a problem."""
    columns = guess(record)
    try:
        mapped(columns, [record], "").read(record)
    except Unusable:
        return None
    return " ".join(f"--map {shlex.quote(f'{path}={field}')}" for path, field in columns.items())


def guess(record: Record) -> dict[str, str]:
    """Paths to fields: by what the columns are called, then by what they hold."""
    texts = dict(_leaves(record, ""))
    found: dict[str, str] = {}

    def take(field: str, path: str | None) -> None:
        if path is not None and field not in found.values():
            found[path] = field
            del texts[path]

    for field, words in _NAMES.items():
        take(field, _named(texts, words.split(), long=field == "problem"))
    take("response", next((path for path, value in texts.items() if _THOUGHT.search(value)), None))
    take("problem", next((path for path, value in _wordy(texts) if len(value.split()) > 2), None))
    take("problem", next((path for path, _ in _wordy(texts)), None))
    asked = next((str(_at(record, path)) for path, field in found.items() if field == "problem"), "")
    if "reasoning" not in found.values():
        take("response", next((path for path, value in texts.items() if len(value) > max(_SHORT, len(asked))), None))
    said = next((str(_at(record, path)) for path, field in found.items() if field == "response"), "")
    take("answer", next((p for p, value in texts.items() if len(value) <= _SHORT and value in said[-200:]), None))
    return found


def _wordy(texts: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(path, value) for path, value in texts.items() if any(letter.isalpha() for letter in value)]


def _named(texts: Mapping[str, str], words: Sequence[str], *, long: bool) -> str | None:
    """The path whose last name holds the foremost of the words; `long`: one with several words in it before others."""
    for word in words:
        paths = [path for path in texts if word in _words(path)]
        if paths:
            return next((path for path in paths if not long or len(texts[path].split()) > 2), paths[0])
    return None


def _words(path: str) -> list[str]:
    name = next((part for part in reversed(path.split(".")) if not part.isdigit()), path)
    return [word.lower() for word in _WORD.findall(name)]


def _leaves(value: object, path: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Every text and number, by its path."""
    if isinstance(value, bool) or value is None or depth > _DEEP:
        return
    if isinstance(value, (str, int, float)):
        if str(value).strip():
            yield path, str(value).strip()
        return
    inner: Sequence[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        inner = list(value.items())
    elif isinstance(value, Sequence):
        inner = list(enumerate(value[:4]))
    for name, item in inner:
        yield from _leaves(item, f"{path}.{name}" if path else str(name), depth + 1)


def _at(record: Record, path: str) -> object:
    return dict(_leaves(record, ""))[path]
