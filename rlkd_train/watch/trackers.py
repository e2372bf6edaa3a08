"""Trackers that TRL reports a run's log to."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rlkd_data.errors import InputError
from rlkd_train.config import TrainSettings

PROJECT = "rlkd"


def reporting(settings: TrainSettings, out: Path) -> dict[str, Any]:
    """The fields of TRL's settings for it: a run is called as its folder, in a project of this name, unless
    `trl.project` and `trl.run_name` say otherwise. Raises InputError where a tracker is not installed."""
    for name in settings.report_to:
        if find_spec(name) is None:
            raise InputError(f"report_to: {name} is not installed: pip install {name}")
    return {"report_to": list(settings.report_to) or "none", "project": PROJECT, "run_name": out.resolve().name}
