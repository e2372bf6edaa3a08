"""A GRPO run with the outcome alone, of a tiny model, in this process: it asks nobody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rlkd_data.schema import TRACES
from rlkd_data.tables import TableWriter, read_rows
from rlkd_train.config import GrpoSettings
from rlkd_train.grpo.run import train_grpo
from rlkd_train.reward.completions import COMPLETIONS, ScoredCompletion
from tests.support.tiny_model import save_tiny_model
from tests.support.training_rows import trace

REWARDS = '''
def letters(completions, problem, **_):
    """Alike for every completion of a flat problem."""
    texts = ["".join(m["content"] for m in one) for one in completions]
    return [0.0 if "flat" in asked else float(sum(map(ord, text)) % 11) for asked, text in zip(problem, texts)]
'''
"""To be written to letters_reward.py, in the folder that the run starts in."""


def make_tables(folder: Path) -> Path:
    """Twelve problems, every other one flat, and the model."""
    with TableWriter(folder / "traces", TRACES) as table:
        for number in range(12):
            kind = "flat" if number % 2 else "steep"
            table.add(trace(f"t{number}", "So it is.", "\\boxed{12}", problem=f"What is the {kind} number {number}?"))
    save_tiny_model(folder / "tiny")
    return folder


def train(tables: Path, out: Path, **more: Any) -> dict[str, Any]:
    """A run of four steps; its figures."""
    values = {
        "model": str(tables / "tiny"),
        "traces": [str(tables / "traces")],
        "steps": 4,
        "prompts_per_step": 2,
        "generations": 4,
        "max_completion": 12,
        "temperature": 1.0,
        "lora": {"r": 0},
        "optim": {"learning_rate": 1e-3, "save_steps": 2, "micro_batch": 4},
        "weights": {"structure": 0, "accuracy": 1.0, "format": 0},
        "rewards": [{"function": "letters_reward:letters", "weight": 0.5}],
    } | more
    return dict(train_grpo(GrpoSettings.model_validate(values), out).figures)


def drawn(out: Path) -> list[ScoredCompletion]:
    return list(read_rows(out / "completions", COMPLETIONS))


def log(out: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if "loss" in line]
