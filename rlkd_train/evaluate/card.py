"""How a model's own card says to draw from it, where the user says nothing."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from rlkd_data.config import SamplingSettings
from rlkd_train.config import EvalSettings

_CARDS: tuple[tuple[str, float, float, int], ...] = (
    (r"deepseek-r1", 0.6, 0.95, 32_768),  # DeepSeek-R1's card, "Usage Recommendations" and "Evaluation Results"
    (r"qwq-32b", 0.6, 0.95, 32_768),
    (r"qwen3-[\d.]+b(?!.*(?:base|instruct))", 0.6, 0.95, 32_768),  # "Best Practices": thinking mode
)
"""(what a model's name holds, temperature, top_p, longest reply), as published cards have them."""


@dataclass(frozen=True)
class Recommended:
    """`source` says whose word it is."""

    sampling: SamplingSettings
    source: str


def recommended(settings: EvalSettings) -> Recommended | None:
    """The sampling that a model's `generation_config.json` or published card recommends; None where the user says how
    to draw, or nobody does. The seed stays the settings'."""
    if "sampling" in settings.model_fields_set:
        return None
    model = settings.model.partition(":")[2]
    own, kept = _own(Path(model).expanduser()), settings.sampling
    if own:
        return Recommended(kept.model_copy(update=own), "its generation_config.json")
    for pattern, temperature, top_p, longest in _CARDS:
        if re.search(pattern, model, re.IGNORECASE):
            told = {"temperature": temperature, "top_p": top_p, "max_tokens": longest}
            return Recommended(kept.model_copy(update=told), "its model card")
    return None


def _own(folder: Path) -> dict[str, float | int]:
    """What a folder of weights says; a training run has them in `model/`."""
    for path in (folder / "generation_config.json", folder / "model" / "generation_config.json"):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if not isinstance(found, dict) or found.get("do_sample") is not True:
            return {}
        limits = {"temperature": (0.0, 10.0), "top_p": (1e-6, 1.0)}
        told = {name: found.get(name) for name in limits}
        return {
            name: float(value)
            for name, value in told.items()
            if isinstance(value, (int, float))
            and not isinstance(value, bool)
            and limits[name][0] <= value <= limits[name][1]
        }
    return {}
