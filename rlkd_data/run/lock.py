"""One process a folder: who writes in it holds its lock, and a second is refused in one line that names the first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, SoftFileLock, Timeout

from rlkd_data.errors import InputError
from rlkd_data.run import process

LOCK = ".rlkd.lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made where there is none. A killed process lets go of it. Raises InputError where another
    holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = _take(folder)
    try:
        yield
    finally:
        _drop(lock)


@contextmanager
def held_for_reading(folder: Path) -> Iterator[None]:
    """The same for who only reads, and wants nothing to change meanwhile: a folder that cannot be written into needs no
    lock."""
    with ExitStack() as stack:
        try:
            lock = _take(folder)
        except OSError:
            lock = None
        if lock is not None:
            stack.callback(_drop, lock)
        yield


@contextmanager
def all_below(folder: Path) -> Iterator[None]:
    """Hold every folder below one that somebody might be working in, so that they can be removed."""
    with ExitStack() as stack:
        for path in list(folder.rglob(LOCK)):
            if path.parent != folder:
                stack.callback(_drop, _take(path.parent))
        yield


def holder(folder: Path) -> str | None:
    """Who works in a folder now, for a person; None where nobody does."""
    try:
        words = (folder / LOCK).read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return None
    return None if len(words) == 1 and process.gone(words[0]) else _named(folder / LOCK)


def _take(folder: Path) -> FileLock:
    path = folder / LOCK
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise InputError(
            f"{folder} is in use: {_named(path)} works in it; wait for it to end, or choose another folder"
        ) from None
    if not isinstance(lock, SoftFileLock):  # which writes its own words, where files cannot be locked
        with suppress(OSError):  # a full disk: nobody can be told who it is, and that is all
            path.write_text(process.name() + "\n", encoding="utf-8")
    return lock


def _drop(lock: FileLock) -> None:
    if not isinstance(lock, SoftFileLock):
        Path(lock.lock_file).unlink(missing_ok=True)  # while it is held: who opened it meanwhile sees that it is gone
    lock.release()


def _named(path: Path) -> str:
    try:
        words = path.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        words = []
    if len(words) == 1 and words[0].count(":") >= 2:
        return process.shown(words[0])
    return f"process {words[0]} on {words[1]}" if len(words) > 1 else "another process"
