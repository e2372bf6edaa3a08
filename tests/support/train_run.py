"""A GRPO training of a model of noise within the test's process: no server, no GSRM, some milliseconds a step."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rlkd_train.config import COMPONENTS, GrpoSettings
from rlkd_train.problems import Task

PROBLEMS = 5


def tasks(count: int = PROBLEMS) -> list[Task]:
    return [Task(f"p{n}", f"How much is {n} + {n}?", str(2 * n), "math") for n in range(count)]


def settings(model: Path, **more: Any) -> GrpoSettings:
    values: dict[str, Any] = {
        "model": str(model),
        "traces": ["traces"],
        "decompositions": ["steps"],
        "steps": 4,
        "prompts_per_step": 2,
        "generations": 2,
        "max_completion": 8,
        "temperature": 1.0,
        "lora": {"r": 0},
        "optim": {"learning_rate": 1e-2, "schedule": "constant", "save_steps": 100, "micro_batch": 4},
        "precision": "float32",
        "structure": {"gsrm": "openai:gsrm"},
    }
    for name, value in more.items():
        values[name] = values[name] | value if isinstance(values.get(name), dict) else value
    return GrpoSettings.model_validate(values)


class Hashed:
    """Rewards as `reward.for_trl.Rewards` gives them to TRL: of the text alone. `seen` are the problems of each step;
    `before` is called with each step's number."""

    structures: tuple[()] = ()

    def __init__(self, before: Callable[[int], None] = lambda step: None) -> None:
        self.seen: dict[int, list[str]] = {}
        self._before = before

    def functions(self) -> list[Callable[..., list[float | None]]]:
        return [self._function(name) for name in COMPONENTS]

    def _function(self, name: str) -> Callable[..., list[float | None]]:
        def reward(completions: Any, problem_id: list[str], trainer_state: Any, **more: Any) -> list[float | None]:
            step = trainer_state.global_step + 1
            if name == COMPONENTS[0]:
                self._before(step)
                self.seen[step] = problem_id
            return [zlib.crc32(f"{name} {one}".encode()) % 7 / 7 for one in completions]

        reward.__name__ = name
        return reward


def go(chosen: GrpoSettings, out: Path, rewards: Hashed, count: int = PROBLEMS) -> dict[str, Any]:
    """Train, or go on; the run's figures."""
    from rlkd_train.grpo.train import Begun, train
    from rlkd_train.run_folder import CHECKPOINTS, last_checkpoint

    out.mkdir(exist_ok=True)
    result = train(chosen, out, rewards, Begun(tasks(count), last_checkpoint(out / CHECKPOINTS)))  # type: ignore[arg-type]
    return dict(result.figures)


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(folder / "model.safetensors"))
