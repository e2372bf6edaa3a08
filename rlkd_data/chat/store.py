"""The response store: nothing that was answered is asked twice.

One SQLite file in WAL mode, shared by every process on the machine. A reply is committed before anybody sees it; the
commits of replies that arrive together are one (group commit), because a commit waits for the disk.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import queue
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from rlkd_data.chat.money import ledger
from rlkd_data.chat.types import Reply
from rlkd_data.errors import InputError
from rlkd_data.schema import Usage

_APPLICATION = 0x524C4B44  # "RLKD": tells our file from another program's database
_VERSION = 1
_BUSY_SECONDS = 60.0
_LINGER_SECONDS = 0.002
"""How long the writer waits for more replies after the first: short beside a model's answer and beside an fsync."""
_COMPRESS_FROM = 512
_SQL_TABLE = (
    "CREATE TABLE replies (key BLOB PRIMARY KEY, model TEXT NOT NULL, created_at TEXT NOT NULL, reply BLOB NOT NULL)"
)


def default_path() -> Path:
    """Where replies are kept unless the settings say otherwise: `RLKD_STORE`, or the user's data folder."""
    named = os.environ.get("RLKD_STORE")
    return Path(named).expanduser() if named else user_data_path("rlkd") / "responses.sqlite"


def request_key(wire: dict[str, Any], sample_index: int) -> bytes:
    """The name of a request: SHA-256 of the canonical JSON of all that goes over the wire, and which sample it is."""
    return key_and_size(wire, sample_index)[0]


def key_and_size(wire: dict[str, Any], sample_index: int) -> tuple[bytes, int]:
    """A request's key, and how many bytes its canonical JSON takes."""
    text = json.dumps([wire, sample_index], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    raw = text.encode("utf-8", "surrogatepass")
    return hashlib.sha256(raw).digest(), len(raw)


def encode(reply: Reply) -> bytes:
    """A reply as JSON bytes, compressed where that pays."""
    fields = asdict(reply) | {"created_at": reply.created_at.isoformat()}
    del fields["sent"]  # the key says it
    raw = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return zlib.compress(raw) if len(raw) >= _COMPRESS_FROM else raw


def decode(data: bytes) -> Reply:
    """The inverse of `encode`. Raises ValueError or zlib.error for bytes that it did not make."""
    raw = data if data[:1] == b"{" else zlib.decompress(data)
    fields = json.loads(raw.decode("utf-8", "surrogatepass"))
    fields["created_at"] = datetime.fromisoformat(fields["created_at"])
    fields["usage"] = Usage(**fields["usage"])
    fields["logprobs"] = tuple(fields["logprobs"])
    return Reply(**fields)


@dataclass(slots=True)
class _Write:
    """A reply, an entry for the ledger, or both."""

    row: tuple[bytes, str, str, bytes] | None
    entry: ledger.Entry | None
    done: asyncio.Future[None] | None = None
    loop: asyncio.AbstractEventLoop | None = None


class ResponseStore:
    """Replies by request key, in one file. `get` from any thread, `put` from any event loop.

    Raises InputError, on opening and later, where the file is not a response store, is damaged or can't be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        with _explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reader = _open(path)
        self._writer = threading.Thread(target=self._write_all, name="rlkd-response-store", daemon=True)
        self._writer.start()

    def get(self, key: bytes) -> Reply | None:
        """The stored reply, or None."""
        with _explained(self.path):
            row = self._reader.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
            return None if row is None else decode(row[0])

    async def put(self, key: bytes, model: str, reply: Reply, entry: ledger.Entry | None = None) -> None:
        """Store a reply of `model` (its full name), and what it cost; returns when they are on the disk, and goes on
        where the caller is cancelled."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._queue.put(_Write((key, model, reply.created_at.isoformat(), encode(reply)), entry, done, loop))
        await done

    def note(self, entry: ledger.Entry) -> None:
        """Write down a try that brought no reply, with the next commit."""
        self._queue.put(_Write(None, entry))

    def spent(self, job: str) -> ledger.Spent:
        """What a job has spent, as far as it is committed."""
        with _explained(self.path):
            return ledger.read(self._reader, job)

    def close(self) -> None:
        """Write what is still waiting, and close the file."""
        if self._writer.is_alive():
            self._queue.put(None)
            self._writer.join()
        self._reader.close()

    def _write_all(self) -> None:
        connection: sqlite3.Connection | None = None
        closing = False
        while not closing:
            batch, closing = self._next_batch()
            failure: InputError | None = None
            try:
                with _explained(self.path):
                    connection = connection or _connect(self.path)
                    with connection:
                        connection.executemany("INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?)", _rows(batch))
                        ledger.add(connection, (write.entry for write in batch if write.entry is not None))
            except InputError as error:
                failure = error
            _tell(batch, failure)
        if connection is not None:
            connection.close()

    def _next_batch(self) -> tuple[list[_Write], bool]:
        """Wait for a write, then take those that come within a moment; and whether the store is closing."""
        batch: list[_Write] = []
        first = self._queue.get()
        if first is None:
            return batch, True
        batch.append(first)
        time.sleep(_LINGER_SECONDS)
        while True:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
            if item is None:
                return batch, True
            batch.append(item)


def _rows(batch: Iterable[_Write]) -> Iterator[tuple[bytes, str, str, bytes]]:
    return (write.row for write in batch if write.row is not None)


def _tell(batch: list[_Write], failure: InputError | None) -> None:
    """Wake those who wait for these commits: one call into each event loop, however many they are."""
    for loop in {write.loop for write in batch if write.loop is not None}:
        waiting = [write.done for write in batch if write.loop is loop and write.done is not None]
        try:
            loop.call_soon_threadsafe(_resolve, waiting, failure)
        except RuntimeError:  # the loop is closed: nobody waits any more, and the rows are stored
            continue


def _resolve(waiting: list[asyncio.Future[None]], failure: InputError | None) -> None:
    for done in waiting:
        if done.done():
            continue
        if failure is None:
            done.set_result(None)
        else:
            done.set_exception(failure)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)  # SQLite itself serialises
    connection.execute("PRAGMA synchronous = FULL")  # in WAL mode only FULL survives a power cut
    return connection


def _open(path: Path) -> sqlite3.Connection:
    """A connection for reading, after making the table where the file is new."""
    connection = _connect(path)
    try:
        _is_new(connection, path)  # another program's file is left untouched, its journal mode too
        _use_wal(connection)
        with connection:
            connection.execute("BEGIN IMMEDIATE")  # two processes may be the first at the same time
            if _is_new(connection, path):
                connection.execute(_SQL_TABLE)
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                connection.execute(f"PRAGMA user_version = {_VERSION}")
            connection.execute(ledger.SQL_TABLE)  # added later; a version that does not know it leaves it alone
    except BaseException:
        connection.close()
        raise
    return connection


def _is_new(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file is still empty. Raises InputError where it is neither empty nor ours."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application == 0 and tables == 0:
        return True
    if application != _APPLICATION:
        raise InputError(f"{path} is another program's database, not a response store: name another file (RLKD_STORE)")
    if version > _VERSION:
        raise InputError(f"{path} was written by a newer rlkd (store version {version}): update rlkd")
    return False


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL. SQLite does not wait for other processes here, whatever the busy timeout, so we do."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what the disk, SQLite and damaged rows raise into one line for the user."""
    try:
        yield
    except (sqlite3.DatabaseError, zlib.error, ValueError, KeyError, TypeError) as error:
        full = isinstance(error, sqlite3.OperationalError)
        todo = "check the disk and its rights" if full else "move it away, or name another file (RLKD_STORE)"
        what = "cannot be used" if full else "is damaged or not a database"
        raise InputError(f"response store {path} {what} ({error}): {todo}") from error
    except OSError as error:
        raise InputError(
            f"response store {path} cannot be opened ({error.strerror or error}): check the path"
        ) from error
