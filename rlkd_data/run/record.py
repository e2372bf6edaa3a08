"""Pure but for looking: what a stage's record (`stage.json`) says of its shards, beside what is there.

A finished stage is looked at again before anything is said to be done: a shard may have gone, or been cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlkd_data.run.identity import STAGE_FILE
from rlkd_data.tables import REJECTED, shard_rows

_MAKE_TABLES = ("collect", "decompose")
"""Stages whose counts are those of their table, for records that do not name its shards."""
_NAMED = 3


@dataclass(frozen=True)
class Damage:
    """`lost` and `unreadable`: shards by their path in the folder; `strange`: those that the record does not know, or
    knows otherwise. `rows` is how many are lost, as far as that can be told."""

    lost: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()
    rows: int = 0

    def __bool__(self) -> bool:
        return bool(self.lost or self.unreadable or self.strange or self.rows)

    def told(self) -> str:
        """In words, without a full stop."""
        kinds = (("missing", self.lost), ("damaged", self.unreadable), ("not of this stage", self.strange))
        words = [f"{_names(shards)} {'is' if len(shards) == 1 else 'are'} {kind}" for kind, shards in kinds if shards]
        told = ", ".join(words) or "shards are missing"
        return f"{told} ({self.rows:,} rows)" if self.rows else told


def _names(shards: tuple[str, ...]) -> str:
    more = len(shards) - _NAMED
    return ", ".join(shards[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def rows_of(folder: Path) -> dict[str, int | None]:
    """The rows of the shards that a stage has in its folder; those of a stage below it are its own affair."""
    others = [path.parent for path in folder.rglob(STAGE_FILE) if path.parent != folder]
    found = shard_rows(folder).items()
    return {name: rows for name, rows in found if not any((folder / name).is_relative_to(other) for other in others)}


def damage(folder: Path, record: Mapping[str, Any]) -> Damage:
    """How a folder differs from its record; nothing where the record says nothing of shards."""
    there = rows_of(folder)
    unreadable = tuple(name for name, rows in there.items() if rows is None)
    known = record.get("shards")
    if isinstance(known, dict):
        lost = tuple(name for name in known if name not in there)
        strange = tuple(name for name, rows in there.items() if rows is not None and rows != known.get(name))
        rows = sum(known[name] for name in (*lost, *unreadable) if isinstance(known.get(name), int))
        return Damage(lost, unreadable, strange, rows)
    if record.get("stage") in _MAKE_TABLES and record.get("status") == "done":
        missing = _counted(record) - sum(rows or 0 for rows in there.values())
        return Damage(unreadable=unreadable, rows=max(0, missing))
    return Damage(unreadable=unreadable)


def _counted(record: Mapping[str, Any]) -> int:
    """The rows of a table by the counts of the stage that made it."""
    result = record.get("result")
    counts = result.get("counts") if isinstance(result, dict) else None
    if not isinstance(counts, dict):
        return 0
    return sum(n for name, n in counts.items() if isinstance(n, int) and (name == "ok" or name.startswith(REJECTED)))
