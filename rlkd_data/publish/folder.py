"""What is published, as files: and the folder of a dry run that holds exactly them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from rlkd_data.errors import InputError

Files = Mapping[str, Path | bytes]
"""{path in the repository: a file here, or content}. Tables are files here: they are never read whole."""


def write(files: Files, out: Path) -> None:
    """Write the folder; it appears whole or not at all. Raises InputError where something is there already."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} already holds something: choose another --out, or remove it")
    temporary = out.with_name(f".{out.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    for name, content in files.items():
        path = temporary / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            shutil.copyfile(content, path)
    if out.exists():
        out.rmdir()
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary.replace(out)
