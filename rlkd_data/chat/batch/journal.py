"""The journal of batches: a folder beside the response store, one folder in it for each batch that is not finished.

<store>.batches/plan.lock          held while somebody decides which requests go into a new batch
<store>.batches/<token>.lock       held by the process that looks after that batch; a killed process lets go of it
<store>.batches/<token>/intent.json    what was done so far: written, and on the disk, before each call that matters
                        /requests.jsonl  the requests as they are handed over     /keys      their keys in the store
                        /results.jsonl   the provider's answer, from when it is there to when the store holds it
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from rlkd_data.chat.batch.state import TOKEN_LENGTH, Intent, item_id, new_token
from rlkd_data.errors import InputError
from rlkd_data.files import sync_folder, whole_file

_KEY = 32
_FILLING = "filling-"


@dataclass(slots=True)
class Folder:
    """A batch's folder, held by this process until `drop` or `release`."""

    path: Path
    intent: Intent
    lock: FileLock

    @property
    def requests(self) -> Path:
        return self.path / "requests.jsonl"

    @property
    def results(self) -> Path:
        return self.path / "results.jsonl"

    def save(self, intent: Intent) -> None:
        """Make the intent durable."""
        with whole_file(self.path / "intent.json") as stream:
            stream.write(json.dumps(intent.to_json()).encode())
        self.intent = intent

    def read_keys(self) -> Iterator[bytes]:
        return _read_keys(self.path / "keys")

    def drop(self) -> None:
        """The batch is finished with: its replies are in the store, or it never was."""
        # The name goes first, in one step: half a folder must not be taken for a batch.
        gone = self.path.with_name(f"{_FILLING}{self.path.name}")
        self.path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
        Path(self.lock.lock_file).unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        """Leave it to whoever comes next."""
        self.lock.release()


@dataclass(slots=True)
class Filling:
    """A batch that takes requests. Nothing of it counts until `seal`."""

    journal: Journal
    token: str
    lock: FileLock
    path: Path
    requests: BinaryIO
    keys: BinaryIO
    count: int = 0
    size: int = 0
    """In bytes."""

    def add(self, key: bytes, line: bytes) -> None:
        self.requests.write(line)
        self.keys.write(key)
        self.count += 1
        self.size += len(line)

    def name(self, key: bytes) -> str:
        return item_id(self.token, key)

    def seal(self, intent: Intent) -> Folder:
        """Write the intent: from here on the batch is to be created, by whoever holds its lock."""
        for stream in (self.requests, self.keys):
            stream.flush()
            os.fsync(stream.fileno())
            stream.close()
        place = self.journal.path / self.token
        folder = Folder(self.path, intent, self.lock)
        folder.save(intent)
        self.path.rename(place)
        sync_folder(self.journal.path)
        folder.path = place
        return folder

    def discard(self) -> None:
        self.requests.close()
        self.keys.close()
        shutil.rmtree(self.path, ignore_errors=True)
        Path(self.lock.lock_file).unlink(missing_ok=True)
        self.lock.release()


class Journal:
    """The unfinished batches of one response store. Raises InputError where the folder can't be used."""

    def __init__(self, store: Path) -> None:
        self.path = store.with_name(f"{store.name}.batches")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{self.path}, the journal of batches, cannot be made ({error.strerror}): check the path"
            ) from None
        self.plan = _lock(self.path / "plan.lock")
        """Held while requests are chosen for a new batch: no two processes may choose the same one."""
        self._seen: dict[str, frozenset[bytes]] = {}
        self._sweep()

    def open_keys(self, but: str | None = None) -> dict[bytes, str]:
        """Each request that an unfinished batch of any process holds, and that batch's token; without batch `but`."""
        names = self.tokens()
        self._seen = {token: self._seen.get(token) or self._keys(token) for token in names}
        return {key: token for token in sorted(names) if token != but for key in self._seen[token]}

    def tokens(self) -> list[str]:
        return [p.name for p in self.path.iterdir() if len(p.name) == TOKEN_LENGTH and p.is_dir()]

    def intents(self) -> Iterator[Intent]:
        for token in self.tokens():
            if (intent := self._intent(token)) is not None:
                yield intent

    def exists(self, token: str) -> bool:
        return (self.path / token).is_dir()

    def take(self, token: str) -> Folder | None:
        """A batch to look after, or None where another process does, or it is finished."""
        lock = _lock(self.path / f"{token}.lock")
        if not acquire(lock):
            return None
        intent = self._intent(token)
        if intent is None:
            lock.release()
            return None
        return Folder(self.path / token, intent, lock)

    def fill(self) -> Filling:
        """Begin a batch. `plan` is to be held from before this until it is sealed or discarded."""
        token = new_token()
        lock = _lock(self.path / f"{token}.lock")
        acquire(lock)
        path = self.path / f"{_FILLING}{token}"
        path.mkdir()
        return Filling(self, token, lock, path, (path / "requests.jsonl").open("wb"), (path / "keys").open("wb"))

    def refill(self, parent: Folder, keys: set[bytes]) -> Filling:
        """A new batch of some of another's requests; the lines are the same but for the token."""
        filling = self.fill()
        old, new = parent.intent.token.encode(), filling.token.encode()
        with parent.requests.open("rb") as lines:
            for key, line in zip(parent.read_keys(), lines, strict=True):
                if key in keys:
                    filling.add(key, line.replace(old, new, 1))  # the first is in the custom_id: see Provider.line
        return filling

    def _keys(self, token: str) -> frozenset[bytes]:
        return frozenset(_read_keys(self.path / token / "keys"))

    def _intent(self, token: str) -> Intent | None:
        path = self.path / token / "intent.json"
        try:
            return Intent.from_json(json.loads(path.read_bytes()))
        except FileNotFoundError:
            return None  # finished in this moment
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path} is damaged ({error}): look for the batch {token} at the provider, then remove that folder"
            ) from None

    def _sweep(self) -> None:
        """Remove what a killed process left of batches that never were, or are finished."""
        for path in self.path.glob(f"{_FILLING}*"):
            lock = _lock(self.path / f"{path.name.removeprefix(_FILLING)}.lock")
            if acquire(lock):
                shutil.rmtree(path, ignore_errors=True)
                Path(lock.lock_file).unlink(missing_ok=True)
                lock.release()
        for intent in list(self.intents()):
            # Killed between sealing what is sent again and dropping where it came from.
            if intent.parent is not None and (parent := self.take(intent.parent)) is not None:
                parent.drop()


def acquire(lock: FileLock) -> bool:
    """Whether the lock is ours now; does not wait."""
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True


def _lock(path: Path) -> FileLock:
    return FileLock(path, thread_local=False)


def _read_keys(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            while key := stream.read(_KEY):
                yield key
    except FileNotFoundError:
        return
