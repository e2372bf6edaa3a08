"""How far an import has come: a log beside the table, so that a run that goes on passes over what is done without
reading it anew.

An entry a row, in the source's order: the record's number in the source, and digests of the row's id and of its problem
as the duplicates' keeper knows it. The log is no promise: an entry counts only where the table has its row, and the
record that the log ends with counts as not done. Where it is lost, or says something else, rows are read and looked up
one by one, which comes to the same table.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from rlkd_data.collect.dedupe import Deduplicator
from rlkd_data.collect.rows import REPEATED
from rlkd_data.digests import SIZE, Digests, digest
from rlkd_data.files import named
from rlkd_data.run.stage import PASSED
from rlkd_data.schema import TRACES
from rlkd_data.tables import REJECTED, is_table, read_table

_ENTRY = np.dtype([("record", "<u8"), ("row", "V16"), ("text", "V16"), ("key", "V16")])
_NOTHING = bytes(SIZE)
_TOGETHER = 4096
"""Entries that are written, and read, in one go."""
Keys = tuple[bytes, bytes]


@dataclass
class Done:
    """What a folder's table holds: rows by the digest of their id, and how often each was found again (a repetition has
    the same id). Each is taken once, by the row of a source that is gone through in the same order again."""

    rows: Digests = field(default_factory=Digests)
    repetitions: Counter[bytes] = field(default_factory=Counter)

    def takes(self, row: bytes, *, repetition: bool) -> bool:
        """Whether this row is written already."""
        if not repetition:
            return row in self.rows
        self.repetitions[row] -= 1
        return self.repetitions[row] >= 0


def done(out: Path) -> Done:
    found = Done()
    for rejected in (False, True):
        if is_table(out / REJECTED if rejected else out):
            columns = ["trace_id", *(["reason"] if rejected else [])]
            for batch in read_table(out, TRACES, columns, rejected=rejected):
                reasons = batch.column("reason").to_pylist() if rejected else itertools.repeat(None)
                for name, reason in zip(batch.column("trace_id").to_pylist(), reasons, strict=False):
                    if reason == REPEATED:
                        found.repetitions[digest(name)] += 1
                    else:
                        found.rows.add(digest(name))
    return found


class Seen:
    """The rows of a source so far, by the digest of their id."""

    def __init__(self) -> None:
        self._rows, self._again = Digests(), Counter[bytes]()

    def __contains__(self, row: bytes) -> bool:
        return row in self._rows

    def times(self, row: bytes) -> int:
        """How often a row has come, this time included."""
        if self._rows.add(row):
            return 1
        self._again[row] += 1
        return 1 + self._again[row]


class Log:
    """The log of a folder. A context manager, which writes what it was told."""

    def __init__(self, out: Path) -> None:
        self._path = out / PASSED
        self._waiting = bytearray()

    def note(self, record: int, row: bytes, keys: Keys | None) -> None:
        """A row that is written, or will be with the table's next shard; `keys` are None for one whose problem nobody
        compares."""
        self._waiting += record.to_bytes(8, "little") + row + b"".join(keys or (_NOTHING, _NOTHING))
        if len(self._waiting) >= _TOGETHER * _ENTRY.itemsize:
            self._write()

    def pass_over(self, records: Iterator[tuple[str, Any]], written: Done, seen: Seen, duplicates: Deduplicator) -> int:
        """Take those records from a source that were done, as if they had been read: how many."""
        passed = kept = 0
        for number, entries in self._whole_records():
            if not _are_written([row for row, _, _ in entries], written, seen):
                break
            *_, last = itertools.chain([None], itertools.islice(records, number + 1 - passed))
            if last is None:
                break
            passed, kept = number + 1, kept + len(entries)
            for row, text, key in entries:
                if seen.times(row) > 1:
                    written.takes(row, repetition=True)
                if key != _NOTHING:
                    duplicates.again(text, key, last[0])
        self._cut(kept)
        return passed

    def forget(self) -> None:
        self._waiting.clear()
        self._path.unlink(missing_ok=True)

    def _whole_records(self) -> Iterator[tuple[int, list[tuple[bytes, bytes, bytes]]]]:
        """The entries of each record but the last, by the record's number."""
        before = -1
        groups = itertools.groupby(self._read(), key=lambda entry: entry[0])
        waiting: tuple[int, list[tuple[bytes, bytes, bytes]]] | None = None
        for number, entries in groups:
            if waiting is not None:
                yield waiting
            if number <= before:
                return
            before, waiting = number, (number, [entry[1:] for entry in entries])

    def _read(self) -> Iterator[tuple[int, bytes, bytes, bytes]]:
        if not self._path.is_file():
            return
        with self._path.open("rb") as file:
            while raw := file.read(_TOGETHER * _ENTRY.itemsize):
                whole = len(raw) // _ENTRY.itemsize
                some = np.frombuffer(raw, _ENTRY, whole)
                columns = [some[name].tobytes() for name in ("row", "text", "key")]
                for at, number in enumerate(some["record"].tolist()):
                    place = slice(at * SIZE, (at + 1) * SIZE)
                    yield number, columns[0][place], columns[1][place], columns[2][place]

    def _cut(self, entries: int) -> None:
        """Leave so many entries: what comes is written behind them."""
        if self._path.is_file():
            with self._path.open("r+b") as file:
                file.truncate(entries * _ENTRY.itemsize)

    def _write(self) -> None:
        waiting, self._waiting = self._waiting, bytearray()
        if waiting:
            with named(self._path), self._path.open("ab") as file:
                file.write(waiting)

    def __enter__(self) -> Log:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write()


def _are_written(rows: list[bytes], written: Done, seen: Seen) -> bool:
    """Whether the table has all rows of a record, those that had come before as repetitions."""
    here: set[bytes] = set()
    again: Counter[bytes] = Counter()
    for row in rows:
        if row in here or row in seen:
            again[row] += 1
        elif row not in written.rows:
            return False
        here.add(row)
    return all(written.repetitions[row] >= times for row, times in again.items())
