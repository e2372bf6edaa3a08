"""What is published, as files: and the folder of a dry run that holds exactly them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from rlkd_data.errors import InputError
from rlkd_data.files import named, sweep, temporary

Files = Mapping[str, Path | bytes]
"""{path in the repository: a file here, or content}. Tables are files here: they are never read whole."""


def write(files: Files, out: Path) -> None:
    """Write the folder; it appears whole or not at all. Raises InputError where something is there already."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} already holds something: choose another --out, or remove it")
    out.parent.mkdir(parents=True, exist_ok=True)
    sweep(out.parent, out.name)
    made = temporary(out)
    try:
        for name, content in files.items():
            path = made / name
            with named(out):
                path.parent.mkdir(parents=True, exist_ok=True)
                if isinstance(content, bytes):
                    path.write_bytes(content)
                else:
                    shutil.copyfile(content, path)
        if out.exists():
            out.rmdir()
        made.replace(out)
    finally:
        shutil.rmtree(made, ignore_errors=True)
