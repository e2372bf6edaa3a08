"""Names the content of files and folders, so that a changed input is noticed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from rlkd_data.files import is_temporary
from rlkd_data.run.lock import LOCK

STAGE_FILE = "stage.json"
_HASHED_WHOLE = 64 << 20
"""Bytes up to which a file is hashed; of a larger one, size and time of change stand for its content: reading
gigabytes of weights at every start would be felt."""


def read_stage(folder: Path) -> dict[str, Any] | None:
    """The `stage.json` of a folder, or None where there is none that can be read."""
    try:
        found = json.loads((folder / STAGE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _passing(name: str) -> bool:
    """Whether a file is there only while a process works in the folder."""
    return name == LOCK or is_temporary(name)


def content_identity(path: Path) -> str:
    """A hash of what a path holds: of a folder that a stage finished, the stage's fingerprint and when it finished;
    otherwise of the files' names and content."""
    made_by = read_stage(path) if path.is_dir() else None
    if made_by and made_by.get("status") == "done":
        return f"{made_by.get('fingerprint')}@{made_by.get('finished_at')}"
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file() and not _passing(p.name))
    for file in files:
        digest.update(str(file.relative_to(path.parent)).encode())
        status = file.stat()
        if status.st_size > _HASHED_WHOLE:
            digest.update(f"{status.st_size} {status.st_mtime_ns}".encode())
            continue
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
