"""The folders that sandboxes are mounted on: empty from outside, one a run, named after the process that runs it, so
that those of killed processes can be told and swept."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rlkd_data.run import process

_PREFIX = "rlkd-sandbox-"
_NAMELESS = 3600.0
"""Seconds after which a folder that names nobody, as earlier versions made them, is nobody's."""


@contextmanager
def one() -> Iterator[str]:
    """A folder for the length of the block."""
    folder = tempfile.mkdtemp(prefix=f"{_PREFIX}{process.name().replace(':', '~')}-")
    try:
        yield folder
    finally:
        with suppress(OSError):
            Path(folder).rmdir()


def sweep() -> None:
    """Remove those of processes that have ended. A folder that holds something is none of them."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if _is_left(folder):
                folder.rmdir()


def _is_left(folder: Path) -> bool:
    owner, dash, _ = folder.name.removeprefix(_PREFIX).rpartition("-")
    if dash:
        return process.gone(owner.replace("~", ":"))
    return folder.stat().st_mtime < time.time() - _NAMELESS
