"""The texts that decompositions were made of, looked up in tables of traces."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlkd_data.tables import scan


@dataclass(frozen=True, slots=True)
class Text:
    """What was taken apart: a trace's reasoning, or the response of a trace that has no other. `is_correct` is the
    trace's verdict."""

    said: str
    is_correct: bool | None


def texts(wanted: Collection[str], traces: Sequence[Path]) -> dict[str, Text]:
    """Texts by trace id; the first of several tables that holds a trace gives it."""
    import polars

    found: dict[str, Text] = {}
    for folder in traces:
        chosen = scan(folder).filter(polars.col("trace_id").is_in([name for name in wanted if name not in found]))
        columns = ("trace_id", "reasoning", "response", "is_correct")
        for trace_id, reasoning, response, right in chosen.select(*columns).collect().iter_rows():
            found[trace_id] = Text(reasoning if reasoning.strip() else response, right)
    return found
