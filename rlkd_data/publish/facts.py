"""One pass over a table: what its card says of it, and whether a key stands in it. Memory is that of a batch and of one
number a row."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rlkd_data.publish.found import Found
from rlkd_data.publish.secrets import Secret, in_batch
from rlkd_data.tables import stored_batches

_BATCH = 512
"""Rows at a time: a long trace is some hundred kilobytes."""
_COUNTED = ("domain", "teacher", "annotator", "prompt_id", "is_correct", "verification", "finish_reason", "reason")


@dataclass(frozen=True)
class Leak:
    """A key that was found in a shard; `row` counts from 0 in the file."""

    where: Found
    file: str
    found: Secret
    row: int


@dataclass
class Facts:
    """What is known of some rows. `values` counts the values of columns with few; `origins` counts (source, licence),
    None where a row does not say; `lengths` are of the reasoning, in characters."""

    rows: int = 0
    values: dict[str, Counter[str | None]] = field(default_factory=dict)
    issues: Counter[str] = field(default_factory=Counter)
    origins: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    licensed: bool = False
    """Whether the rows have a column for their licence."""
    cost_usd: float = 0.0
    priced: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    steps: array[int] = field(default_factory=lambda: array("q"))
    grounded: int = 0
    covered: float = 0.0
    coverages: int = 0
    """Rows that say how much of their trace the steps cover; `covered` is the sum of that."""
    lengths: array[int] = field(default_factory=lambda: array("q"))
    first: datetime | None = None
    last: datetime | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the rows of a batch. Columns that a table does not have are left out."""
        self.rows += batch.num_rows
        columns: Mapping[str, pa.Array] = dict(zip(batch.schema.names, batch.columns, strict=True))
        for name in _COUNTED:
            if name in columns:
                self.values.setdefault(name, Counter()).update(_counts(columns[name]))
        if "license" in columns:
            self.licensed = True
            sources = columns["source"].to_pylist() if "source" in columns else [None] * batch.num_rows
            self.origins.update(zip(sources, columns["license"].to_pylist(), strict=True))
        readers: dict[str, Callable[[pa.Array], None]] = {
            "issues": self._add_issues,
            "cost_usd": self._add_cost,
            "usage": self._add_usage,
            "steps": self._add_steps,
            "coverage": self._add_coverage,
            "reasoning": self._add_lengths,
            "created_at": self._add_times,
        }
        for name, read in readers.items():
            if name in columns:
                read(columns[name])

    def merge(self, other: Facts) -> None:
        """Add the facts of other rows."""
        for name in (
            "rows",
            "cost_usd",
            "priced",
            "prompt_tokens",
            "completion_tokens",
            "grounded",
            "covered",
            "coverages",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name, counter in other.values.items():
            self.values.setdefault(name, Counter()).update(counter)
        self.issues.update(other.issues)
        self.origins.update(other.origins)
        self.licensed |= other.licensed
        self.steps.extend(other.steps)
        self.lengths.extend(other.lengths)
        times = [t for t in (self.first, self.last, other.first, other.last) if t is not None]
        self.first, self.last = (min(times), max(times)) if times else (None, None)

    def _add_issues(self, column: pa.Array) -> None:
        self.issues.update({code: n for code, n in _counts(column.flatten()).items() if code is not None})

    def _add_cost(self, column: pa.Array) -> None:
        self.cost_usd += pc.sum(column).as_py() or 0.0
        self.priced += len(column) - column.null_count

    def _add_usage(self, column: pa.Array) -> None:
        for name in ("prompt_tokens", "completion_tokens"):
            if column.type.get_field_index(name) >= 0:
                total = pc.sum(pc.struct_field(column, name)).as_py() or 0
                setattr(self, name, getattr(self, name) + total)

    def _add_steps(self, column: pa.Array) -> None:
        self.steps.extend(n or 0 for n in pc.list_value_length(column).to_pylist())
        if column.type.value_type.get_field_index("span_start") >= 0:
            self.grounded += pc.count(pc.struct_field(column.flatten(), "span_start")).as_py()

    def _add_coverage(self, column: pa.Array) -> None:
        self.covered += pc.sum(column).as_py() or 0.0
        self.coverages += len(column) - column.null_count

    def _add_lengths(self, column: pa.Array) -> None:
        self.lengths.extend(n for n in pc.utf8_length(column).to_pylist() if n is not None)

    def _add_times(self, column: pa.Array) -> None:
        found = pc.min_max(column).as_py()
        times = [t for t in (self.first, self.last, found["min"], found["max"]) if t is not None]
        self.first, self.last = (min(times), max(times)) if times else (None, None)


def _counts(column: pa.Array) -> dict[Any, int]:
    return {_word(one["values"]): one["counts"] for one in pc.value_counts(column).to_pylist()}


def _word(value: Any) -> str | None:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else value


def survey(table: Found, leak: Callable[[Leak], None], progress: Callable[[int], None]) -> Facts:
    """The facts of a table; `leak` is told of every key that is found, `progress` of the rows that were read."""
    facts = Facts()
    for shard in table.shards:
        start = 0
        for batch in stored_batches(shard, _BATCH):
            facts.add(batch)
            for found in in_batch(batch):
                leak(Leak(table, shard.name, found, start + found.row))
            start += batch.num_rows
            progress(batch.num_rows)
    return facts
