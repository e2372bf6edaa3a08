"""Where each setting of a run came from. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

DEFAULT = "default"


def sources(
    resolved: Mapping[str, Any], file: Mapping[str, Any], where: str, overrides: Sequence[str], flags: Mapping[str, str]
) -> list[tuple[str, Any, str]]:
    """(dotted name, value, where from) of every setting: `flags` by name, then `overrides` (`a.b=value`), then the
    `file`, which is called `where`."""
    given = {name for name, _ in flat(file)}
    over = [one.partition("=")[0].strip() for one in overrides]
    found = []
    for name, value in flat(resolved):
        source = DEFAULT
        if _in(name, given):
            source = where
        if _in(name, over):
            source = "--set"
        found.append((name, value, flags.get(name, source)))
    return found


def flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested settings, by dotted names. An empty group is a leaf."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _in(name: str, given: Any) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in given)
