"""Files that appear whole or not at all, and are on the disk when they do.

A file is written beside its place under a name that says which process writes it, so that two processes never share
one, and what a killed process left can be told from what a living one is at.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from rlkd_data.run import process

_OURS = re.compile(r"\.(?P<name>.+)\.by~(?P<process>.+~\d+~\d+)\.tmp")
_EARLIER = re.compile(r"\.(?:(?:stage|ledger)\.json\.(?P<pid>\d+)|part-\d{5,}\.parquet\.tmp)")
"""What versions before these names left: the second kind had no process in it."""


def temporary(path: Path) -> Path:
    """The name under which this process writes what is to be `path`."""
    return path.with_name(f".{path.name}.by~{process.name().replace(':', '~')}.tmp")


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Write a file: it takes its place, durably, when the block ends; where the block fails nothing stays."""
    made = temporary(path)
    try:
        with named(path):
            with made.open("wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            made.replace(path)
    finally:
        with suppress(OSError):
            made.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """A full disk does not say of which file, and a temporary one means nothing to people: errors within the block name
    this one."""
    try:
        yield
    except OSError as problem:
        unnamed = problem.filename is None and problem.errno is not None
        if unnamed or any(is_temporary(part) for part in Path(str(problem.filename)).parts):
            problem.filename = str(path)
        raise


def write_whole(path: Path, text: str, errors: str = "strict") -> None:
    """The same for a text."""
    with whole_file(path) as stream:
        stream.write(text.encode("utf-8", errors))


def sync_folder(folder: Path) -> None:
    """Make new names in a folder survive a power cut, where the system lets a folder be opened (Windows does not)."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            with named(folder):
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def is_temporary(name: str) -> bool:
    """Whether a name is one under which some process writes, or wrote."""
    return bool(_OURS.fullmatch(name) or _EARLIER.fullmatch(name))


def sweep(folder: Path, only: str | None = None) -> None:
    """Remove what killed processes left in a folder of what they were writing (`only`: of the file of that name)."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if found := _OURS.fullmatch(path.name):
            wanted = only in (None, found["name"]) and process.gone(found["process"].replace("~", ":"))
        else:
            earlier = None if only else _EARLIER.fullmatch(path.name)
            wanted = earlier is not None and (earlier["pid"] is None or process.number_is_free(int(earlier["pid"])))
        if wanted:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
