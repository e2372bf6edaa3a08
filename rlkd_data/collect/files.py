"""The records of local files, streamed: no file is ever held whole."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from rlkd_data.collect.adapters.base import Record
from rlkd_data.errors import InputError
from rlkd_data.tables import REJECTED, read_foreign

Located = Iterator[tuple[str, Record]]
"""(where the record stands, the record)"""

PACKED = (".gz", ".zst")
_LONGEST_FIELD = 1 << 30
"""Characters of a CSV field; Python's own limit of 131,072 is less than one long trace."""


def read_files(path: Path) -> Located:
    """The records of a file, or of every file below a folder that can be read, in the order of their names (rejected
    rows of a table are left out). Raises InputError naming file and line."""
    files = [path] if path.is_file() else _below(path)
    if not files:
        raise InputError(f"{path} holds no {', '.join(FILES)} files")
    for file in files:
        if kind(file) not in _READERS:
            said = "".join(file.suffixes[-2:]) or "a file without ending"
            raise InputError(f"{file}: cannot read {said}: {', '.join(FILES)} can be, packed as {' or '.join(PACKED)}")
    return (record for file in files for record in _READERS[kind(file)](file))


def kind(path: Path) -> str:
    """The ending that says what is in a file, that of a packed one without its packing."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if len(suffixes) > 1 and suffixes[-1] in PACKED and suffixes[-2] != ".parquet":
        return suffixes[-2]
    return suffixes[-1] if suffixes else ""


def _below(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.rglob("*")
        if kind(file) in _READERS
        and file.is_file()
        and not any(part.startswith(".") or part == REJECTED for part in file.relative_to(folder).parts)
        and file.name not in ("stage.json", "dataset_infos.json")
    )


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """A file's bytes, unpacked. Raises InputError where it cannot be read or unpacked."""
    try:
        match path.suffix.lower():
            case ".gz":
                with gzip.open(path, "rb") as unpacked:
                    yield unpacked  # type: ignore[misc]
            case ".zst":
                import pyarrow as pa

                with pa.input_stream(str(path), compression="zstd") as stream, io.BufferedReader(stream) as buffered:
                    yield buffered
            case _:
                with path.open("rb") as plain:
                    yield plain
    except (OSError, EOFError, zlib.error) as problem:
        said = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
        raise InputError(f"{path} cannot be read: {said}; make or download it again") from None


def _jsonl(path: Path) -> Located:
    with _opened(path) as stream:
        for number, line in enumerate(stream, 1):
            if line.strip(b" \t\r\n\xef\xbb\xbf"):
                yield f"{path}:{number}", _row(_parsed(line, f"{path}:{number}"), f"{path}:{number}")


def _parsed(line: bytes, where: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as problem:
        raise InputError(f"{where} is not JSON: {problem}; mend or remove that line") from None


def _json(path: Path) -> Located:
    """A list of rows, read one by one."""
    import ijson

    with _opened(path) as stream:
        start = stream.read(64).lstrip(b" \t\r\n\xef\xbb\xbf")[:1]
    if start != b"[":
        raise InputError(f"{path} must hold a list of rows, [{{…}}, …]; for one row a line, name it .jsonl")
    with _opened(path) as stream:
        _skip_mark(stream)
        rows = ijson.items(stream, "item", use_float=True)
        number = 0
        while True:
            number += 1
            try:
                record = next(rows, None)
            except (ijson.JSONError, UnicodeDecodeError, ValueError) as problem:
                said = " ".join(str(problem).split())[:200]
                raise InputError(f"{path}:row {number} is not JSON: {said}") from None
            if record is None:
                return
            yield f"{path}:row {number}", _row(record, f"{path}:row {number}")


def _skip_mark(stream: IO[bytes]) -> None:
    """Leave a byte order mark behind."""
    if stream.read(3) != b"\xef\xbb\xbf":
        stream.seek(0)


def _row(record: Any, where: str) -> Record:
    if not isinstance(record, dict):
        raise InputError(f"{where} is not a row of named columns but a {type(record).__name__}")
    return record


def _csv(path: Path) -> Located:
    before = csv.field_size_limit(_LONGEST_FIELD)
    number = 0
    try:
        with _opened(path) as stream, io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text:
            for number, record in enumerate(csv.DictReader(text), 1):
                yield f"{path}:row {number}", {name: value for name, value in record.items() if name is not None}
    except (UnicodeDecodeError, csv.Error) as problem:
        raise InputError(f"{path}:row {number + 1} is not UTF-8 CSV: {problem}") from None
    finally:
        csv.field_size_limit(before)


def _parquet(path: Path) -> Located:
    for number, record in enumerate(read_foreign(path), 1):
        yield f"{path}:row {number}", record


_READERS: dict[str, Callable[[Path], Located]] = {
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".json": _json,
    ".csv": _csv,
    ".parquet": _parquet,
}
FILES = tuple(_READERS)
