"""Whether a checkpoint's files are as long as they were when it was saved."""

from __future__ import annotations

import zipfile
from pathlib import Path


def cut_short(checkpoint: Path) -> Path | None:
    """The first file of a checkpoint that lost its end, on a full disk or while it was copied; None where all are
    whole. Nothing is loaded: torch's files are zip archives, whose directory stands at their end, and the header of
    safetensors tells how long the file is."""
    from safetensors import SafetensorError, safe_open

    for path in sorted(checkpoint.rglob("*")):
        if path.suffix in (".pt", ".pth") and path.is_file() and not zipfile.is_zipfile(path):
            return path
        if path.suffix == ".safetensors":
            try:
                with safe_open(path, "numpy"):
                    pass
            except (SafetensorError, OSError):
                return path
    return None
