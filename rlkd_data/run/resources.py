"""Where the files that travel with rlkd are: prompts, pipelines, data cards and small models.

In a checkout they stand at the top of the repository; a wheel carries them inside `rlkd_data`.
"""

from __future__ import annotations

from pathlib import Path

BUNDLED = {"gsrm-smollm2": ("models", "gsrm-smollm2")}
"""Models that travel with rlkd, by the name after `local:`."""

_PACKAGE = Path(__file__).resolve().parents[1]


def resource(*parts: str) -> Path:
    """The path of a shipped file or folder, for example `resource("prompts", "decompose.j2")`.

    Raises FileNotFoundError, which means a broken installation, never a user's mistake.
    """
    for root in (_PACKAGE / "_bundled", _PACKAGE.parent):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise FileNotFoundError(f"rlkd's own file {'/'.join(parts)} is missing: reinstall the package")
