"""What a GRPO run came to, from its log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlkd_train.reward.completions import FOLDER


def figures(out: Path, steps: int, parts: Sequence[str]) -> dict[str, Any]:
    """What the run came to: the first and the last step's `parts` of the reward, and how often there was none."""
    from rlkd_train.run_folder import read_log, seconds_per_step

    log = read_log(out)
    shown = {f"rewards/{name}/mean": name for name in parts} | {
        "reward": "reward",
        "completions/mean_length": "completion tokens",
        "unscored": "unscored share",
    }

    def told(line: dict[str, float]) -> dict[str, float | None]:
        return {label: line.get(key) for key, label in shown.items()}

    return {
        "steps": steps,
        "first": told(log[0]) if log else {},
        "last": told(log[-1]) if log else {},
        "seconds_per_step": seconds_per_step(log),
        "completions": str(out / FOLDER),
    }
