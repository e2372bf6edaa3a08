"""Which process is asking what: who asks first claims the request, and the others wait for that reply.

A claim ends with the reply, with its process, or after `SECONDS` without a sign of life.
"""

from __future__ import annotations

import sqlite3
import time

from rlkd_data.run.process import gone, owner

SECONDS = 60.0
RENEW = 20.0
SQL_TABLE = (
    "CREATE TABLE IF NOT EXISTS claims (key BLOB PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL) WITHOUT ROWID"
)


class Claims:
    """Those of one store. Every method works within the caller's transaction, in one thread."""

    def __init__(self) -> None:
        self._owner = owner()
        self._ours: set[bytes] = set()
        self._renewed = time.monotonic()

    def take(self, connection: sqlite3.Connection, key: bytes) -> bool:
        """Whether a request is ours to ask."""
        now = time.time()
        row = connection.execute("SELECT owner, until FROM claims WHERE key = ?", (key,)).fetchone()
        if row is not None and row[0] != self._owner and row[1] > now and not gone(row[0]):
            return False
        connection.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?)", (key, self._owner, now + SECONDS))
        self._ours.add(key)
        return True

    def end(self, connection: sqlite3.Connection, key: bytes) -> None:
        """It is answered, or left to others."""
        if key in self._ours:
            connection.execute("DELETE FROM claims WHERE key = ? AND owner = ?", (key, self._owner))
            self._ours.discard(key)

    @property
    def due(self) -> bool:
        """Whether it is time for a sign of life."""
        return bool(self._ours) and time.monotonic() - self._renewed > RENEW

    def renew(self, connection: sqlite3.Connection) -> None:
        until = time.time() + SECONDS
        connection.execute("UPDATE claims SET until = ? WHERE owner = ?", (until, self._owner))
        self._renewed = time.monotonic()

    def drop(self, connection: sqlite3.Connection) -> None:
        """End all of them."""
        connection.execute("DELETE FROM claims WHERE owner = ?", (self._owner,))
        self._ours.clear()

    def __bool__(self) -> bool:
        return bool(self._ours)
