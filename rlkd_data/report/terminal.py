"""A table at a glance in the terminal: what made it, its columns, counts, rejections, and one row as steps."""

from __future__ import annotations

import random
import re
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from rlkd_data.errors import TableError
from rlkd_data.run.identity import read_stage
from rlkd_data.tables import REJECTED, is_table, read_foreign, rows_of, scan, shards, stored_schema

_LONGEST = 700
"""Characters of a value that are shown."""
_COUNTED = (
    "domain",
    "is_correct",
    "status",
    "teacher",
    "annotator",
    "model",
    "issues",
    "finish_reason",
    "license",
    "kinds",
)
_VALUES = 4
"""Values of a counted column that are shown."""
_LONG = ("problem", "reasoning", "response", "completion", "raw", "detail")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def inspect_table(folder: Path, console: Console) -> None:
    """Print what a table holds, and one of its rows, drawn at random. Raises TableError where there is no table."""
    rejected = folder / REJECTED
    kept = folder if is_table(folder) or not is_table(rejected) else None
    files = shards(kept or rejected)
    schema = stored_schema(files[0])
    console.print(_head(folder, kept))
    console.print(_columns(schema))
    if kept is not None and (counts := _counts(kept, schema)).row_count:
        console.print(counts)
    if is_table(rejected):
        console.print(_values(f"rejected ({_length(rejected):,})", {"reason": _tally(rejected, "reason", 50)}))
    row = _random_row(files)
    if row is not None:
        console.print(_row(row))


def plain(value: Any) -> str:
    """A value of a table as text that a terminal only shows: control characters, which could steer it, as symbols."""
    return _CONTROL.sub(lambda found: chr(0x2400 + ord(found[0])) if ord(found[0]) < 0x20 else "\ufffd", str(value))


def _head(folder: Path, kept: Path | None) -> Text:
    made_by = read_stage(folder) or {}
    text = Text(f"\n{folder}", style="bold")
    text.append(f"\n{_length(kept) if kept else 0:,} rows", style="bold cyan")
    if made_by:
        settings = made_by.get("settings") or {}
        model = settings.get("teacher") or settings.get("annotator") or settings.get("model")
        text.append(plain(f", made by {made_by.get('stage')}{f' with {model}' if model else ''}"))
        text.append(
            plain(f", {made_by.get('status')} {made_by.get('finished_at') or made_by.get('started_at')}"), "dim"
        )
    return text.append("\n")


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, show_header=False)


def _columns(schema: pa.Schema) -> Table:
    table = _table("columns")
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(style="dim", overflow="fold")
    for field in schema:
        table.add_row(Text(plain(field.name)), Text(_type(field.type)))
    return table


def _type(kind: pa.DataType) -> str:
    """An Arrow type in few words; the fields of a struct by their names."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list of {_type(kind.value_type)}"
    if pa.types.is_struct(kind):
        return f"{{{', '.join(plain(field.name) for field in kind)}}}"
    return plain(kind)


def _counts(folder: Path, schema: pa.Schema) -> Table:
    """The most frequent values of the columns that have few."""
    found = {name: _tally(folder, name, _VALUES) for name in _COUNTED if name in schema.names}
    return _values("counts", {name: counts for name, counts in found.items() if counts})


def _values(title: str, counts: dict[str, list[tuple[Any, int]]]) -> Table:
    table = _table(f"\n{title}")
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    for name, values in counts.items():
        for number, (value, count) in enumerate(values):
            shown = "null" if value is None else str(value).lower() if isinstance(value, bool) else plain(value)
            table.add_row("" if number else name, f"{count:,}", Text(shown))
    return table


def _tally(folder: Path, column: str, most: int) -> list[tuple[Any, int]]:
    """The values of a column, the items of a list each, with how many rows have them, the most frequent first."""
    import polars

    try:
        rows = scan(folder).select(column)
        if isinstance(rows.collect_schema()[column], polars.List):
            rows = rows.explode(column).drop_nulls()
        counted = rows.group_by(column).len("rows").sort("rows", column, descending=[True, False]).collect()
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException) as problem:
        raise TableError(f"{folder}: column {column!r} cannot be read: {str(problem).splitlines()[0]}") from None
    found = [(value, int(count)) for value, count in counted.head(most).iter_rows()]
    left = counted.height - len(found)
    return found if not left else [*found, (f"and {left:,} more values", int(counted["rows"][most:].sum()))]


def _random_row(files: list[Path]) -> dict[str, Any] | None:
    file = random.choice(files)
    number = random.randrange(max(rows_of(file), 1))
    return next(islice(read_foreign(file), number, None), None)


def _length(path: Path) -> int:
    return sum(map(rows_of, shards(path)))


def _row(row: dict[str, Any]) -> RenderableType:
    """A row: its short values, its texts, and its steps one below the other."""
    facts = _table("")
    facts.add_column(style="cyan", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in row.items():
        if name not in ("steps", *_LONG) and value not in (None, [], ""):
            facts.add_row(Text(plain(name)), Text(_cut(_flat(value))))
    parts: list[RenderableType] = [Rule("one row, drawn at random", align="left", style="dim"), facts]
    for name in _LONG:
        if row.get(name) and not (name == "raw" and row.get("steps")):
            parts += [Text(f"\n{name}", style="bold"), Padding(Text(_cut(row[name])), (0, 0, 0, 2))]
    told = row.get("kinds") or []
    for number, step in enumerate(row.get("steps") or []):
        if not isinstance(step, dict) or not {"index", "meta_reasoning", "sub_problem", "answer"} <= set(step):
            parts.append(Text(f"\nstep: {_cut(_flat(step))}"))  # a column of somebody else's
            continue
        text = Text(f"\nstep {step['index']}", style="bold cyan")
        if number < len(told):
            text.append(f"  {plain(told[number])}", style="not bold")
        if step.get("span_start") is not None:
            text.append(f"  characters {step['span_start']:,} to {step['span_end']:,}", style="not bold dim")
        body = Text(plain(step["meta_reasoning"]), style="italic dim")
        body.append(f"\n{plain(step['sub_problem'])}\n", style="not italic not dim bold")
        body.append(plain(step["answer"]), style="not italic not dim")
        parts += [text, Padding(body, (0, 0, 0, 2))]
    return Group(*parts)


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{name} {item}" for name, item in value.items() if item is not None)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _cut(value: str) -> str:
    shown = plain(value)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]} … ({len(shown):,} characters)"
