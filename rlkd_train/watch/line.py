"""What a step's log says in a line. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SHOWN = (
    ("reward", "reward {:.3f}"),
    ("rewards/accuracy/mean", "accuracy {:.2f}"),
    ("rewards/structure/mean", "structure {:.2f}"),
    ("completions/mean_length", "length {:,.0f}"),
    ("tokens_per_second", "{:,.0f} tokens/s"),
)
_PARTS = ("generation", "reward", "update")


def line(logs: Mapping[str, Any]) -> str:
    """Reward, accuracy, structure, length, tokens a second, and the seconds of drawing, scoring and the update; the
    loss, where there is no reward."""
    shown = [how.format(logs[name]) for name, how in _SHOWN if isinstance(logs.get(name), (int, float))]
    if "reward" not in logs and isinstance(logs.get("loss"), (int, float)):
        shown.insert(0, f"loss {logs['loss']:.3f}")
    parts = [f"{part} {logs[f'seconds/{part}']:.1f}" for part in _PARTS if f"seconds/{part}" in logs]
    return "  ".join([*shown, *([f"({', '.join(parts)} s)"] if parts else [])])
