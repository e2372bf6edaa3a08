"""The figures of evaluations by arm."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from rlkd_data.report.grouped import Group

Row = dict[str, Any]


def evaluations(groups: Iterable[Group], stages: Mapping[int, Row]) -> list[Row]:
    """The evaluations that have figures: `name`, `model`, `figures`, and `seeds`, how many runs they are of. Of several
    seeds a figure is the mean of those that all have, and `NAME low` and `NAME high` are the lowest and the highest
    seed's. `stages` is what the page tells of each folder, by the folder's `id`."""
    found = []
    for group in groups:
        told = [stage for folder in group.folders if (stage := stages[id(folder)])["figures"]]
        if told:
            models = list(dict.fromkeys(str(stage["settings"].get("model", "")) for stage in told))
            figures = told[0]["figures"] if len(told) == 1 else _over_seeds([stage["figures"] for stage in told])
            model = models[0] if len(models) == 1 else f"{len(models)} models"
            found.append({"name": group.name, "model": model, "seeds": len(told), "figures": figures})
    return found


def _over_seeds(runs: list[dict[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name in runs[0]:
        values = [run[name] for run in runs if math.isfinite(run.get(name, math.nan))]
        if len(values) == len(runs) and not name.endswith((" low", " high")):
            ends = {name: math.fsum(values) / len(values), f"{name} low": min(values), f"{name} high": max(values)}
            found |= ends if min(values) < max(values) else {name: values[0]}
    return found
