"""A table at a glance in the terminal."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from rlkd_data.identity import read_stage
from rlkd_data.tables import REJECTED, count_rows, is_table, read_foreign, shards, stored_schema

_LONGEST = 600
"""Characters of a value that are shown."""


def inspect_table(folder: Path, console: Console) -> None:
    """Print schema, counts, rejections, what made the table, and one row. Raises TableError where there is no table."""
    first = shards(folder)[0]
    console.print(_head(folder))
    console.print(_schema(stored_schema(first)))
    rejected = _rejections(folder)
    if rejected.row_count:
        console.print(rejected)
    rows = [row for _, row in zip(range(1000), read_foreign(first), strict=False)]
    if rows:
        console.print(_row(random.Random(0).choice(rows)))


def _head(folder: Path) -> Text:
    made_by = read_stage(folder) or {}
    text = Text(f"{folder}: {count_rows(folder):,} rows", style="bold")
    if made_by:
        text.append(f"  made by {made_by.get('stage')} ({made_by.get('status')})", style="dim")
    return text


def _schema(schema: pa.Schema) -> Table:
    table = Table(title="columns", title_justify="left")
    table.add_column("name")
    table.add_column("type", overflow="fold")
    for field in schema:
        table.add_row(field.name, Text(str(field.type)))
    return table


def _rejections(folder: Path) -> Table:
    table = Table(title="rejected", title_justify="left")
    table.add_column("reason")
    table.add_column("rows", justify="right")
    counts: dict[str, int] = {}
    if is_table(folder / REJECTED):
        for shard in shards(folder / REJECTED):
            for row in read_foreign(shard):
                counts[row["reason"]] = counts.get(row["reason"], 0) + 1
    for reason, count in sorted(counts.items(), key=lambda item: -item[1]):
        table.add_row(Text(reason), f"{count:,}")
    return table


def _row(row: dict[str, Any]) -> Panel:
    """A row: its texts, and its steps one below the other."""
    text = Text()
    for name, value in row.items():
        if name == "steps" or value is None:
            continue
        shown = str(value)
        text.append(f"{name}  ", style="cyan")
        text.append(shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]} … ({len(shown):,} characters)")
        text.append("\n")
    for step in row.get("steps") or []:
        text.append(f"\nstep {step['index']}\n", style="bold")
        text.append(f"  {step['meta_reasoning']}\n", style="italic dim")
        text.append(f"  {step['sub_problem']}\n", style="bold")
        text.append(f"  {step['answer']}\n")
    return Panel(text, title="one row", title_align="left")
