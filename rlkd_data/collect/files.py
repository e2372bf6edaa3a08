"""The records of files, streamed: none is ever held whole."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

from rlkd_data.chat.money.ledger import FILE as LEDGER
from rlkd_data.collect.adapters.base import Broken, Record
from rlkd_data.collect.json_rows import read_json
from rlkd_data.collect.stored import PACKED, Stored, is_address, local, remote, unpacked
from rlkd_data.errors import InputError
from rlkd_data.run.identity import STAGE_FILE
from rlkd_data.tables import REJECTED, is_table, read_foreign, shards

Located = Iterator[tuple[str, Record]]
"""(where the record stands, the record)"""

_NO_ROWS = (STAGE_FILE, LEDGER, "dataset_infos.json")
_LONGEST_FIELD = 64 << 20
"""Characters of a CSV field; Python's own limit of 131,072 is less than one long trace."""


def read_files(path: Path) -> Located:
    """The records of a file, of a table's shards, or of every file below a folder that can be read, in the order of
    their names (rejected rows of a table are left out). A line that holds no record is a `Broken`. Raises InputError
    naming file and line."""
    return _rows([local(file) for file in ([path] if path.is_file() else _below(path))], str(path))


def read_remote(address: str) -> Located:
    """Like `read_files`, of what stands at an address that fsspec knows."""
    return _rows(remote(address, lambda name: _counts(Path(name))), address)


def _rows(files: list[Stored], where: str) -> Located:
    if not files:
        raise InputError(f"{where} holds no {', '.join(FILES)} files")
    for file in files:
        if kind(Path(file.name)) not in _READERS:
            said = "".join(Path(file.name).suffixes[-2:]) or "a file without ending"
            raise InputError(
                f"{file.name}: cannot read {said}: {', '.join(FILES)} can be, packed as {' or '.join(PACKED)}"
            )
    return (record for file in files for record in _READERS[kind(Path(file.name))](file))


def kind(path: Path) -> str:
    """The ending that says what is in a file, that of a packed one without its packing."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if len(suffixes) > 1 and suffixes[-1] in PACKED and suffixes[-2] != ".parquet":
        return suffixes[-2]
    return suffixes[-1] if suffixes else ""


def _below(folder: Path) -> list[Path]:
    if is_table(folder):
        return shards(folder)
    return sorted(file for file in folder.rglob("*") if _counts(file.relative_to(folder)) and file.is_file())


def _counts(name: Path) -> bool:
    """Whether a file below a folder, by its name there, holds rows."""
    hidden = any(part.startswith(".") or part == REJECTED for part in name.parts)
    return kind(name) in _READERS and not hidden and name.name not in _NO_ROWS


def _csv(file: Stored) -> Located:
    """A row of another width than the header is `Broken`, as is one whose quotes are not closed as they should; where
    such a quote took several lines in, InputError: nobody can tell where the next row begins."""
    before = csv.field_size_limit(_LONGEST_FIELD)
    number = 0
    try:
        with unpacked(file) as stream, io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text:
            lines = _Lines(text)
            rows = csv.reader(lines, strict=True)
            names = next(filter(None, rows), [])
            if twice := [name for name in names if name and names.count(name) > 1]:
                raise InputError(f"{file.name}: two columns are called {twice[0]!r}: rename or remove one of them")
            while True:
                lines.taken = 0
                try:
                    cells = next(rows, None)
                except csv.Error as problem:
                    if lines.taken > 1:
                        raise
                    number += 1
                    where = f"{file.name}:row {number}"
                    said = f"{where} is not CSV: {problem}; write a quote within quotes twice"
                    yield where, Broken(lines.last.strip(), said)
                    continue
                if cells is None:
                    return
                if cells:
                    number += 1
                    where = f"{file.name}:row {number}"
                    yield where, _of_cells(names, cells, where)
    except UnicodeDecodeError as problem:
        raise InputError(f"{file.name}:row {number + 1} is not UTF-8 CSV: {problem}") from None
    except csv.Error as problem:
        raise InputError(
            f"{file.name}:row {number + 1} is not CSV: {problem}; mend its quotes, for no row behind it can be found"
        ) from None
    finally:
        csv.field_size_limit(before)


class _Lines:
    """The lines of a text, with how many of them were `taken` since somebody set it to 0, and the last of them."""

    def __init__(self, text: Iterator[str]) -> None:
        self._text, self.taken, self.last = text, 0, ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.last = next(self._text)
        self.taken += 1
        return self.last


def _of_cells(names: list[str], cells: list[str], where: str) -> Record:
    """A row by its columns' names. Commas at its end are no fields."""
    if len(cells) < len(names) or any(cells[len(names) :]):
        said = f"{where} has {len(cells)} fields, the header {len(names)}: put a field that holds a comma into quotes"
        return Broken(",".join(cells), said)
    return dict(zip(names, cells, strict=False))


def _parquet(file: Stored) -> Located:
    opened = file.open if is_address(file.name) else None
    for number, record in enumerate(read_foreign(Path(file.name), opened), 1):
        yield f"{file.name}:row {number}", record


_READERS: dict[str, Callable[[Stored], Located]] = {
    ".jsonl": read_json,
    ".ndjson": read_json,
    ".json": read_json,
    ".csv": _csv,
    ".parquet": _parquet,
}
FILES = tuple(_READERS)
