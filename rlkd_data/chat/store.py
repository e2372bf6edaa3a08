"""The response store: nothing that was answered is asked twice.

One SQLite file in WAL mode, shared by every process on the machine. A reply is committed before anybody sees it; the
commits of replies that arrive together are one (group commit), because a commit waits for the disk. Who asks first
claims the request, and another process waits for that reply.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from platformdirs import user_data_path

from rlkd_data.chat import claims
from rlkd_data.chat.claims import RENEW, Claims
from rlkd_data.chat.commits import Commits, Write
from rlkd_data.chat.money import ledger
from rlkd_data.chat.money.budget import Held
from rlkd_data.chat.money.tokens import cleaned
from rlkd_data.chat.types import Reply
from rlkd_data.errors import InputError
from rlkd_data.run.progress import console
from rlkd_data.schema import Usage

_APPLICATION = 0x524C4B44  # "RLKD": tells our file from another program's database
_VERSION = 1
_BUSY_SECONDS = 60.0
_COMPRESS_FROM = 512
_KNOWN = frozenset(field.name for field in fields(Reply))
_STORED = [field.name for field in fields(Reply) if field.name not in ("sent", "told")]  # the key says these
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
    fields = {name: getattr(reply, name) for name in _STORED}
    fields |= {"usage": asdict(reply.usage), "created_at": reply.created_at.isoformat()}
    raw = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return zlib.compress(raw) if len(raw) >= _COMPRESS_FROM else raw


def decode(data: bytes) -> Reply:
    """The inverse of `encode`; fields of a newer version are left out. Raises ValueError, TypeError, KeyError,
    AttributeError or zlib.error for bytes that it did not make."""
    raw = data if data[:1] == b"{" else zlib.decompress(data)
    found = {name: value for name, value in json.loads(raw.decode("utf-8", "surrogatepass")).items() if name in _KNOWN}
    found["created_at"] = datetime.fromisoformat(found["created_at"])
    found["usage"] = cleaned(Usage(**found["usage"]))
    found["logprobs"] = tuple(found.get("logprobs", ()))
    reply = Reply(**found)
    if not isinstance(reply.text, str) or not isinstance(reply.reasoning, str | None):
        raise TypeError("its text is no text")
    return reply


class ResponseStore:
    """Replies by request key, in one file. `get` from any thread, `put` from any event loop.

    Raises InputError, on opening and later, where the file is not a response store, is damaged or can't be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._claims = Claims()
        self._unreadable: set[bytes] = set()
        with _explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reader = _open(path)
        self._commits = Commits(self._connect, self._commit, RENEW)

    def get(self, key: bytes) -> Reply | None:
        """The stored reply, or None. A row that cannot be read is none, which is said once; a new reply replaces it."""
        with _explained(self.path):
            row = self._reader.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        try:
            return decode(row[0])
        except (zlib.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
            if not self._unreadable:
                what = " ".join(str(problem).split())[:100] or type(problem).__name__
                said = f"response store {self.path}: a stored reply cannot be read ({what}), so it is asked for again"
                console.print(f"{said}; this is said once", markup=False)
            self._unreadable.add(key)
            return None

    async def put(self, key: bytes, model: str, reply: Reply, entry: ledger.Entry | None = None) -> None:
        """Store a reply of `model` (its full name), and what it cost; returns when they are on the disk, and goes on
        where the caller is cancelled. Ends a claim."""
        row = (key, model, reply.created_at.isoformat(), encode(reply))
        await self._commits.done(Write(row, entry))

    def note(self, entry: ledger.Entry) -> None:
        """Write down a try that brought no reply, with the next commit."""
        self._commits.add(Write(None, entry))

    async def noted(self, entry: ledger.Entry) -> None:
        """The same, and wait until it is on the disk."""
        await self._commits.done(Write(None, entry))

    async def claim(self, key: bytes) -> bool:
        """Whether a request is ours to ask: false where another process is at it, or the store has the reply by now."""
        write = Write(work=lambda connection: self._claim(connection, key), durable=False)
        return bool(await self._commits.done(write))

    def unclaim(self, key: bytes) -> None:
        """Leave a request to others."""
        self._commits.add(Write(work=lambda connection: self._claims.end(connection, key), durable=False))

    async def hold(self, job: str, holder: str, model: str, least: float, most: float, cap: float) -> Held:
        """Set dollars aside for a job, as `ledger.hold` does; on the disk when this returns."""
        return cast(
            Held,
            await self._commits.done(Write(work=lambda at: ledger.hold(at, job, holder, model, least, most, cap))),
        )

    def spent(self, job: str) -> ledger.Spent:
        """What a job has spent, as far as it is committed."""
        with _explained(self.path):
            return ledger.read(self._reader, job)

    def bury(self, job: str) -> float:
        """As `ledger.bury` does."""
        with _explained(self.path):
            return ledger.bury(self._reader, job)

    def close(self) -> None:
        """Write what is still waiting, and close the file."""
        self._commits.close()
        self._reader.close()

    def _connect(self) -> sqlite3.Connection:
        with _explained(self.path):
            return _connect(self.path)

    def _claim(self, connection: sqlite3.Connection, key: bytes) -> bool:
        return (key in self._unreadable or not _has(connection, key)) and self._claims.take(connection, key)

    def _commit(self, connection: sqlite3.Connection, batch: Sequence[Write], closing: bool) -> None:
        letting_go = closing and bool(self._claims)
        if not (batch or self._claims.due or letting_go):
            return
        rows = [write.row for write in batch if write.row is not None]
        with _explained(self.path):
            # In WAL mode only FULL survives a power cut; a claim need not.
            full = any(write.durable for write in batch)
            connection.execute(f"PRAGMA synchronous = {'FULL' if full else 'NORMAL'}")
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                again = [(row[0],) for row in rows if row[0] in self._unreadable]
                connection.executemany("DELETE FROM replies WHERE key = ?", again)
                connection.executemany("INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?)", rows)
                ledger.add(connection, (write.entry for write in batch if write.entry is not None))
                for row in rows:
                    self._claims.end(connection, row[0])
                for write in batch:
                    if write.work is not None:
                        write.result = write.work(connection)
                if self._claims.due:
                    self._claims.renew(connection)
                if letting_go:
                    self._claims.drop(connection)
        self._unreadable.difference_update(row[0] for row in rows)


def _has(connection: sqlite3.Connection, key: bytes) -> bool:
    return connection.execute("SELECT 1 FROM replies WHERE key = ?", (key,)).fetchone() is not None


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
            for added in (ledger.SQL_TABLE, ledger.SQL_HELD, claims.SQL_TABLE):  # a version that does not know them
                connection.execute(added)  # leaves them alone
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
    """Turn what the disk and SQLite raise into one line for the user."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        full = isinstance(error, sqlite3.OperationalError)
        todo = "check the disk and its rights" if full else "move it away, or name another file (RLKD_STORE)"
        what = "cannot be used" if full else "is damaged or not a database"
        raise InputError(f"response store {path} {what} ({error}): {todo}") from error
    except OSError as error:
        raise InputError(
            f"response store {path} cannot be opened ({error.strerror or error}): check the path"
        ) from error
