"""One pass over the tables: figures of all their rows, and the choice of the rows that the page holds."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rlkd_data.report.choose import Chooser
from rlkd_data.report.histogram import histogram
from rlkd_data.schema import DECOMPOSITIONS, TRACES, TableSchema
from rlkd_data.tables import REJECTED, is_table, read_table

_TRACE_FACTS = ["trace_id", "domain", "is_correct", "verification", "teacher", "license", "source", "usage", "cost_usd"]
_MOST_VALUES = 5000
"""Values that are counted one by one: a column such as `source` may have another in each row."""
_OTHERS = "(others)"
_STEP_FACTS = ["trace_id", "domain", "annotator", "issues", "usage", "cost_usd"]


@dataclass
class Figures:
    """Figures of all tables of one kind. `reasons` are of the rejected rows; everything else but cost and tokens is of
    the rows that were kept."""

    rows: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    facts: dict[str, Counter[str]] = field(default_factory=dict)
    cost_usd: float = 0.0
    priced: int = 0
    tokens: int = 0
    steps: array[int] = field(default_factory=lambda: array("I"))
    grounded: int = 0
    lengths: array[int] = field(default_factory=lambda: array("I"))

    def count(self, fact: str, value: str | None) -> None:
        counted = self.facts.setdefault(fact, Counter())
        name = value or "not given"
        counted[name if name in counted or len(counted) < _MOST_VALUES else _OTHERS] += 1

    def paid(self, usage: dict[str, int | None] | None, cost: float | None) -> None:
        if cost is not None:
            self.cost_usd += cost
            self.priced += 1
        if usage:
            self.tokens += (usage.get("prompt_tokens") or 0) + (usage.get("completion_tokens") or 0)

    def shown(self) -> dict[str, Any]:
        """The figures as JSON values; counters as pairs, the largest first."""
        return {
            "rows": self.rows,
            "rejected": sum(self.reasons.values()),
            "reasons": self.reasons.most_common(),
            "facts": {name: counter.most_common() for name, counter in self.facts.items()},
            "cost_usd": self.cost_usd if self.priced else None,
            "tokens": self.tokens,
            "steps": histogram(self.steps, whole=True),
            "n_steps": sum(self.steps),
            "grounded": self.grounded,
            "lengths": histogram(self.lengths),
        }


def survey_traces(folder: Path, figures: Figures, chooser: Chooser) -> None:
    """Add a traces table to the figures and to the choice."""
    for batch, rejected in _batches(folder, TRACES, [*_TRACE_FACTS, "reasoning", "response", "problem"]):
        lengths = pc.utf8_length(batch.column("reasoning")).to_pylist()
        sizes = _sizes(batch, "reasoning", "response", "problem")
        facts = batch.select([*_TRACE_FACTS, *(["reason"] if rejected else [])])
        for row, length, size in zip(facts.to_pylist(), lengths, sizes, strict=True):
            figures.paid(row["usage"], row["cost_usd"])
            chooser.add(row["trace_id"], row.get("reason") or row["domain"], size)
            if rejected:
                figures.reasons[row["reason"]] += 1
                continue
            figures.rows += 1
            figures.lengths.append(length)
            for fact in ("domain", "teacher", "license", "source"):
                figures.count(fact, row[fact])
            figures.count("answer", {True: "right", False: "wrong"}.get(row["is_correct"], "not verified"))
            if row["is_correct"] is None:
                figures.count("not verified, because", row["verification"])


def survey_decompositions(folder: Path, figures: Figures, chooser: Chooser) -> None:
    """Add a decompositions table to the figures and to the choice."""
    for batch, rejected in _batches(folder, DECOMPOSITIONS, [*_STEP_FACTS, "steps", "raw", "problem"]):
        sizes = _sizes(batch, "raw", "problem")  # the steps are about as long as the reply that they were read from
        facts = batch.select([*_STEP_FACTS, *(["reason"] if rejected else [])])
        if not rejected:
            steps = batch.column("steps")
            figures.steps.extend(pc.list_value_length(steps).to_pylist())
            figures.grounded += pc.count(pc.struct_field(steps.flatten(), "span_start")).as_py()
        for row, size in zip(facts.to_pylist(), sizes, strict=True):
            figures.paid(row["usage"], row["cost_usd"])
            chooser.add(row["trace_id"], row.get("reason") or row["domain"], size)
            for code in row["issues"] or ():
                figures.count("issue", code)
            if rejected:
                figures.reasons[row["reason"]] += 1
                continue
            figures.rows += 1
            figures.count("domain", row["domain"])
            figures.count("annotator", row["annotator"])


def _batches(folder: Path, schema: TableSchema, columns: list[str]) -> Iterator[tuple[pa.RecordBatch, bool]]:
    for place, rejected in ((folder, False), (folder / REJECTED, True)):
        if is_table(place):
            wanted = [*columns, "reason"] if rejected else columns
            for batch in read_table(folder, schema, wanted, rejected=rejected):
                yield batch, rejected


def _sizes(batch: pa.RecordBatch, *columns: str) -> list[int]:
    """Bytes of the texts of each row."""
    total = [0] * batch.num_rows
    for name in columns:
        for number, size in enumerate(pc.binary_length(batch.column(name)).to_pylist()):
            total[number] += size or 0
    return total
