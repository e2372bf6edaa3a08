"""YAML as it is written for settings: a mapping of bounded size and depth, each name in it once.

What a file says is bounded before anything is built of it: an alias stands for all that it repeats.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from rlkd_data import unshown

DEEPEST = 40
MOST = 100_000
"""Values of a document, those that its aliases repeat included."""


class Unreadable(ValueError):
    """One line that says why a text is no YAML for settings, and where."""


@dataclass
class _Open:
    """A list or a mapping that is being read: how many values it holds so far, itself included."""

    anchor: str | None
    is_mapping: bool
    size: int = 1
    names: set[str] = field(default_factory=set)
    next_is_name: bool = True


def read(text: str) -> Any:
    """The value of a YAML text, by the safe loader. Raises Unreadable."""
    try:
        _bounded(text)
        return yaml.safe_load(text)
    except yaml.YAMLError as problem:
        if unshown.FIELD in text and isinstance(problem, yaml.MarkedYAMLError):
            for mark in filter(None, (problem.context_mark, problem.problem_mark)):
                mark.buffer = None  # the line that it would quote may hold a key
        raise Unreadable(" ".join(str(problem).split())) from None
    except Unreadable:
        raise
    except (ValueError, OverflowError, RecursionError) as problem:  # a thirteenth month, digits by the thousand
        raise Unreadable(" ".join(str(problem).split())[:200]) from None


def _bounded(text: str) -> None:
    open_: list[_Open] = []
    sizes: dict[str, int] = {}
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        where = f"line {event.start_mark.line + 1}" if event.start_mark else "its beginning"
        if isinstance(event, yaml.CollectionEndEvent):
            closed = open_.pop()
            if closed.anchor is not None:
                sizes[closed.anchor] = closed.size
            _count(open_, closed.size, where)
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(open_) >= DEEPEST:
                raise Unreadable(f"values stand more than {DEEPEST} deep at {where}")
            _name(open_, None, where)
            open_.append(_Open(event.anchor, isinstance(event, yaml.MappingStartEvent)))
        elif isinstance(event, yaml.ScalarEvent):
            _name(open_, event.value, where)
            if event.anchor is not None:
                sizes[event.anchor] = 1
            _count(open_, 1, where)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes and any(one.anchor == event.anchor for one in open_):
                raise Unreadable(f"*{event.anchor} at {where} stands for what it is part of")
            _name(open_, None, where)
            _count(open_, sizes.get(str(event.anchor), 1), where)


def _count(open_: list[_Open], size: int, where: str) -> None:
    if open_:
        open_[-1].size += size
        if open_[-1].size > MOST:
            raise Unreadable(f"more than {MOST:,} values, with what its aliases repeat, at {where}")


def _name(open_: list[_Open], value: str | None, where: str) -> None:
    """Take note of a value, which in a mapping is every other time a name."""
    if not open_ or not open_[-1].is_mapping:
        return
    inner = open_[-1]
    if inner.next_is_name and value is not None:
        if value in inner.names:
            raise Unreadable(f"{value[:80]!r} stands twice in one mapping, at {where}")
        inner.names.add(value)
    inner.next_is_name = not inner.next_is_name
