"""Names the content of files and folders, so that a changed input is noticed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from rlkd_data.errors import InputError
from rlkd_data.files import is_temporary
from rlkd_data.run.lock import LOCK

STAGE_FILE = "stage.json"
_HASHED_WHOLE = 64 << 20
"""Bytes up to which a file is hashed; of a larger one, size and time of change stand for its content: reading
gigabytes of weights at every start would be felt."""


def read_stage(folder: Path) -> dict[str, Any] | None:
    """The `stage.json` of a folder, or None where there is none that can be read. Raises InputError where it holds
    what no stage writes."""
    try:
        found = json.loads((folder / STAGE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict):
        return None
    if (wrong := _wrong(found)) is not None:
        raise InputError(f"{folder / STAGE_FILE} is damaged ({wrong}): restore it, or give another folder")
    return found


def _wrong(record: dict[str, Any]) -> str | None:
    """What in a record is of another type than a stage writes."""
    texts = ("stage", "status", "fingerprint", "started_at", "finished_at")
    kinds: dict[str, tuple[type, ...]] = dict.fromkeys(texts, (str,))
    kinds |= dict.fromkeys(("settings", "versions", "result"), (dict,))
    result = record.get("result", {})
    nested = result if isinstance(result, dict) else {}
    counts = nested.get("counts", {})
    for where, values, wanted in (
        ("", record, kinds),
        ("result.", nested, {"counts": (dict,), "figures": (dict,), "cost_usd": (int, float, type(None))}),
        ("result.counts.", counts if isinstance(counts, dict) else {}, dict.fromkeys(counts, (int,))),
    ):
        for name, allowed in wanted.items():
            if name in values and (not isinstance(values[name], allowed) or isinstance(values[name], bool)):
                return f"{where}{name} is a {type(values[name]).__name__}"
    return None


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
