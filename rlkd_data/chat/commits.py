"""One thread that writes to an SQLite file: what arrives together is one transaction (group commit), because a commit
waits for the disk. It survives whatever a write raises: the failure reaches those who wait for that write, and what it
was to add to the ledger is added with the next, since it is spent all the same.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rlkd_data.chat.money.ledger import Entry
from rlkd_data.errors import InputError

_LINGER_SECONDS = 0.002
"""How long the writer waits for more writes after the first: short beside a model's answer and beside an fsync."""


@dataclass(slots=True)
class Write:
    """A reply's row, an entry for the ledger, some other work within the transaction, or several of these. `durable`:
    to be on the disk before it counts, and not only in front of other processes."""

    row: tuple[bytes, str, str, bytes] | None = None
    entry: Entry | None = None
    work: Callable[[sqlite3.Connection], Any] | None = None
    durable: bool = True
    done: asyncio.Future[Any] | None = None
    loop: asyncio.AbstractEventLoop | None = None
    result: Any = None
    failure: BaseException | None = None


Commit = Callable[[sqlite3.Connection, Sequence[Write], bool], None]
"""(connection, writes, whether these are the last): one transaction. There may be no writes, where nothing came for
`idle` seconds."""


class Commits:
    """`connect` opens the file for the thread; `commit` is called within it, at least every `idle` seconds."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], commit: Commit, idle: float) -> None:
        self._connect, self._commit, self._idle = connect, commit, idle
        self._queue: queue.SimpleQueue[Write | None] = queue.SimpleQueue()
        self._dead: BaseException | None = None
        self._owed: list[Write] = []
        self._thread = threading.Thread(target=self._run, name="rlkd-response-store", daemon=True)
        self._thread.start()

    def add(self, write: Write) -> None:
        """To be committed, without waiting for it."""
        self._queue.put(write)

    async def done(self, write: Write) -> Any:
        """The write's result, once it is committed; it is committed even where the caller is cancelled. Raises what it
        raised."""
        write.loop = asyncio.get_running_loop()
        write.done = write.loop.create_future()
        self._queue.put(write)
        if self._dead is not None:  # it may have ended before it saw this
            raise self._dead
        return await write.done

    def close(self) -> None:
        """Commit what is still waiting, and end the thread."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _run(self) -> None:
        try:
            self._until_closed()
        except BaseException as fault:  # nobody may wait for a thread that is no more
            self._dead = fault
            while True:
                try:
                    write = self._queue.get_nowait()
                except queue.Empty:
                    return
                if write is not None:
                    write.failure = fault
                    _tell([write])

    def _until_closed(self) -> None:
        connection: sqlite3.Connection | None = None
        closing = False
        while not closing:
            batch, closing = self._next_batch()
            batch = [*self._owed, *batch]
            try:
                connection = connection or self._connect()
                self._commit(connection, batch, closing)
            except Exception as failure:
                for write in batch:
                    write.failure = failure
                if connection is not None and not isinstance(failure, InputError):  # not the disk: one of the writes
                    self._commit_each(connection, batch)
            # What is held stays as high as the disk has it, until the next entry says otherwise.
            failed = [write.entry for write in batch if write.failure is not None and write.entry is not None]
            self._owed = [Write(None, replace(entry, held=None)) for entry in failed]
            _tell(batch)
        if connection is not None:
            connection.close()

    def _commit_each(self, connection: sqlite3.Connection, batch: Sequence[Write]) -> None:
        for write in batch:
            try:
                self._commit(connection, [write], False)
                write.failure = None
            except Exception as failure:
                write.failure = failure

    def _next_batch(self) -> tuple[list[Write], bool]:
        """Wait for a write, then take those that come within a moment; and whether these are the last."""
        batch: list[Write] = []
        try:
            first = self._queue.get(timeout=self._idle)
        except queue.Empty:
            return batch, False
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


def _tell(batch: Sequence[Write]) -> None:
    """Wake those who wait for these commits: one call into each event loop, however many they are."""
    for loop in {write.loop for write in batch if write.loop is not None}:
        try:
            loop.call_soon_threadsafe(_resolve, [write for write in batch if write.loop is loop])
        except RuntimeError:  # the loop is closed: nobody waits any more, and the rows are stored
            continue


def _resolve(written: Sequence[Write]) -> None:
    for write in written:
        if write.done is None or write.done.done():
            continue
        if write.failure is None:
            write.done.set_result(write.result)
        else:
            write.done.set_exception(write.failure)
