"""The recipes that travel with rlkd: the paper's arms, each the settings of one stage."""

from __future__ import annotations

from pathlib import Path

from rlkd_data.errors import InputError
from rlkd_data.run.resources import resource

FOLDER = "pipelines", "recipes"
_FILES = (".yaml", ".yml", ".json")


def find(config: Path) -> Path:
    """A settings file: a path, or the name of a recipe (`gsrm-7b`). Raises InputError for neither."""
    if config.exists() or config.suffix in _FILES or config.parent != Path():
        return config  # who reads it says what is wrong
    names = sorted(path.stem for path in resource(*FOLDER).glob("*.yaml"))
    if config.name not in names:
        raise InputError(f"--config {config}: neither a file nor a recipe ({', '.join(names)})")
    return resource(*FOLDER, f"{config.name}.yaml")
