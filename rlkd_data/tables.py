"""The only module that reads and writes Parquet: tables are folders of atomic shards.

    DIR/part-00000.parquet …           the rows
    DIR/rejected/part-00000.parquet …  rows that a stage could not use: the same columns, then `reason` and `detail`

A shard appears whole or not at all, so a killed writer loses at most the rows it had not flushed.
"""

from __future__ import annotations

import itertools
import os
import re
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from rlkd_data import __version__
from rlkd_data.columns import table_of
from rlkd_data.conform import conform, readable
from rlkd_data.errors import TableError, first_line
from rlkd_data.files import named, sweep, sync_folder, temporary
from rlkd_data.records import from_record, to_record
from rlkd_data.schema import TableSchema
from rlkd_data.surrogates import encodable

if TYPE_CHECKING:
    import polars

REJECTED = "rejected"
_SHARD = re.compile(r"part-(\d{5,})\.parquet")
_BATCH = 4096
"""Rows that a reader holds at a time."""
_FOREIGN_BATCH = 64
"""The same for anybody's file, whose rows may be long traces, several of them a row."""


class TableWriter:
    """Adds rows to a table, shard by shard. A context manager: leaving it, even by an exception, flushes.

    `counts` are the rows of this writer by outcome: "ok", and "rejected:REASON".
    """

    def __init__(self, folder: Path, schema: TableSchema, rows_per_shard: int = 1000) -> None:
        self.folder, self.schema, self.rows_per_shard = folder, schema, rows_per_shard
        self.counts: dict[str, int] = {}
        self._rows: list[dict[str, Any]] = []
        self._rejected: list[dict[str, Any]] = []
        for place in (folder, folder / REJECTED):
            place.mkdir(parents=True, exist_ok=True)
            sweep(place)

    def add(self, row: Any) -> None:
        """Add a row of the table's dataclass."""
        self._count("ok")
        self._rows.append(to_record(row))
        if len(self._rows) >= self.rows_per_shard:
            self._write_rows()

    def reject(self, row: Any, reason: str, detail: str | None = None) -> None:
        """Keep a row that cannot be used. `reason` is a code, `detail` says more."""
        self._count(f"rejected:{reason}")
        self._rejected.append(to_record(row) | {"reason": reason, "detail": detail})
        if len(self._rejected) >= self.rows_per_shard:
            self._write_rejected()

    def flush(self) -> None:
        """Make all rows durable."""
        self._write_rows()
        self._write_rejected()

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.flush()

    def _count(self, outcome: str) -> None:
        self.counts[outcome] = self.counts.get(outcome, 0) + 1

    def _write_rows(self) -> None:
        rows, self._rows = self._rows, []  # not written twice, where a write fails when its shard is in place
        if rows:
            _write_shard(self.folder, rows, self.schema.arrow, self.schema.name)

    def _write_rejected(self) -> None:
        rows, self._rejected = self._rejected, []
        if rows:
            _write_shard(self.folder / REJECTED, rows, self.schema.rejected, self.schema.name)


def _write_shard(folder: Path, records: Sequence[dict[str, Any]], schema: pa.Schema, name: str) -> None:
    metadata = {"rlkd.table": name, "rlkd.version": __version__}
    schema = schema.with_metadata(metadata)
    try:
        table = table_of(records, schema)
    except UnicodeEncodeError:
        table = table_of([_encodable(record) for record in records], schema)
    made = temporary(folder / "part.parquet")
    try:
        with named(folder):
            with made.open("wb") as file:
                pq.write_table(table, file, compression="zstd", write_page_checksum=True)
                file.flush()
                os.fsync(file.fileno())
            _put_in_place(made, folder)
    finally:
        with suppress(OSError):
            made.unlink(missing_ok=True)
    sync_folder(folder)


def _put_in_place(made: Path, folder: Path) -> None:
    """Give a written file the next number. Another writer may take it first: a link is never put over a file."""
    taken = [int(found[1]) for path in folder.iterdir() if (found := _SHARD.fullmatch(path.name))]
    for number in itertools.count(max(taken, default=-1) + 1):
        shard = folder / f"part-{number:05d}.parquet"
        try:
            os.link(made, shard)
        except FileExistsError:
            continue
        except OSError:  # a file system without links
            made.replace(shard)
        return


def _encodable(value: Any) -> Any:
    """The value with U+FFFD for each lone surrogate: a model may write half of a pair, and UTF-8 cannot hold it."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, dict):
        return {key: _encodable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encodable(item) for item in value]
    return value


def shards(path: Path) -> list[Path]:
    """The Parquet files of a table's folder, in order (or the file that was given). Raises TableError where there is
    none."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise TableError(f"table {path} does not exist: give the folder that a stage wrote")
    found = sorted(file for file in path.iterdir() if _SHARD.fullmatch(file.name))
    if not found:
        found = sorted(path.glob("*.parquet"))
    if not found and is_table(path / REJECTED):
        raise TableError(f"{path} has no rows that can be used: all were rejected, {path / REJECTED} says why")
    if not found:
        raise TableError(f"{path} holds no table: there is no part-*.parquet in it; give the folder that a stage wrote")
    return found


def is_table(path: Path) -> bool:
    """Whether a folder holds shards."""
    return path.is_dir() and any(_SHARD.fullmatch(file.name) for file in path.iterdir())


def read_table(
    path: Path, schema: TableSchema, columns: Sequence[str] | None = None, *, rejected: bool = False
) -> Iterator[pa.RecordBatch]:
    """The table's rows in batches, every column of the schema (or of `columns`) checked and in its place.

    A nullable column that an older table lacks is null. Raises TableError naming file and column.
    """
    expected = schema.rejected if rejected else schema.arrow
    fields = [expected.field(name) for name in columns] if columns is not None else list(expected)
    for file in shards(path / REJECTED if rejected else path):
        yield from _read_shard(file, schema.name, fields)


def read_rows(path: Path, schema: TableSchema) -> Iterator[Any]:
    """The table's rows as its dataclass."""
    for batch in read_table(path, schema):
        for record in batch.to_pylist():
            yield from_record(schema.row, record)


def read_foreign(path: Path, opened: Callable[[], IO[bytes]] | None = None) -> Iterator[dict[str, Any]]:
    """The records of anybody's Parquet file, streamed; `opened` gives its bytes where it is not on this machine. Raises
    TableError where it is none."""
    with _open(path, opened) as file:
        for batch in _batches(file, path, None, _FOREIGN_BATCH):
            yield from batch.to_pylist()


def write_foreign(stream: IO[bytes], schema: pa.Schema, records: Iterator[dict[str, Any]]) -> None:
    """Write records as somebody else's Parquet file, streamed."""
    with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        while some := list(itertools.islice(records, _BATCH)):
            writer.write_table(pa.Table.from_pylist(some, schema=schema))


def stored_batches(path: Path, rows: int = _BATCH) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file as they are, at most `rows` at a time. Raises TableError where it is none."""
    with _open(path) as file:
        yield from _batches(file, path, None, rows)


def schema_of(stream: BinaryIO) -> pa.Schema:
    """The columns of a Parquet file that is read through a stream, from its footer alone."""
    return pq.read_schema(stream)


def stored_schema(path: Path) -> pa.Schema:
    """The columns of a Parquet file as they are. Raises TableError where it is none."""
    with _open(path) as file:
        return file.schema_arrow


def scan(folder: Path) -> polars.LazyFrame:
    """The table's rows as a lazy frame. A column that some shards lack, which an older version wrote, is null there.
    Raises TableError for a shard that cannot be read."""
    import polars

    alike = [polars.scan_parquet(list(some)) for _, some in itertools.groupby(shards(folder), stored_schema)]
    return alike[0] if len(alike) == 1 else polars.concat(alike, how="diagonal_relaxed")


def count_rows(folder: Path) -> int:
    """How many rows a table has, from its files' footers alone."""
    if not is_table(folder):
        return 0
    return sum(map(rows_of, shards(folder)))


def rows_of(path: Path) -> int:
    """How many rows a Parquet file has, from its footer. Raises TableError where it is none."""
    with _open(path) as file:
        return int(file.metadata.num_rows)


def shard_rows(folder: Path) -> dict[str, int | None]:
    """The rows of each shard of a folder, by its path in it, from the footers alone; None for one that cannot be read.
    Its `rejected/` and other folders of shards are looked at too."""
    found: dict[str, int | None] = {}
    for path in sorted(folder.rglob("part-*.parquet")):
        if _SHARD.fullmatch(path.name):
            try:
                with _open(path) as file:
                    rows: int | None = file.metadata.num_rows
            except TableError:
                rows = None
            found[path.relative_to(folder).as_posix()] = rows
    return found


def outcome_counts(folder: Path, schema: TableSchema) -> dict[str, int]:
    """Rows by outcome over the whole table, those of earlier, interrupted runs included: "ok", "rejected:REASON"."""
    counts = {"ok": count_rows(folder)}
    if is_table(folder / REJECTED):
        for batch in read_table(folder, schema, ["reason"], rejected=True):
            for reason in batch.column("reason").to_pylist():
                counts[f"rejected:{reason}"] = counts.get(f"rejected:{reason}", 0) + 1
    return counts


def _open(path: Path, opened: Callable[[], IO[bytes]] | None = None) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(opened() if opened else path, page_checksum_verification=True)
        _ = file.schema_arrow.names  # they may be no UTF-8
        return file
    except (pa.ArrowException, OSError, UnicodeDecodeError) as problem:
        raise TableError(f"{path} is not a whole Parquet file: {first_line(problem)}; {_remedy(path)}") from None


def _batches(
    file: pq.ParquetFile, path: Path, columns: list[str] | None, size: int = _BATCH
) -> Iterator[pa.RecordBatch]:
    try:
        for batch in file.iter_batches(batch_size=size, columns=columns):
            batch.validate(full=True)  # a text may be no UTF-8
            yield batch
    except (pa.ArrowException, OSError) as problem:
        raise TableError(f"{path} is damaged: {first_line(problem)}; {_remedy(path)}") from None


def _remedy(path: Path) -> str:
    if _SHARD.fullmatch(path.name):
        return "remove it and run the stage that wrote it again"
    return "make or download it again"


def _read_shard(path: Path, table: str, fields: Sequence[pa.Field]) -> Iterator[pa.RecordBatch]:
    with _open(path) as file:
        found = file.schema_arrow
        for field in fields:
            if field.name not in found.names:
                if not field.nullable:
                    raise TableError(
                        f"{path}: column {field.name!r} is missing, so it is no {table} table; give the folder of one"
                    )
            elif not readable(found.field(field.name).type, field.type):
                raise TableError(
                    f"{path}: column {field.name!r} holds {found.field(field.name).type}, but a {table} table has "
                    f"{field.type} there; convert the column, or give another table"
                )
        present = [field.name for field in fields if field.name in found.names]
        for batch in _batches(file, path, present):
            yield conform(batch, path, fields)
