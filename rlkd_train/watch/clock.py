"""Where a step's time goes, as a part of its log: drawing completions, scoring them, and the rest."""

from __future__ import annotations

import time
from typing import Any


class Watched:
    """Put before one of TRL's trainers. Adds to the log of each step, in seconds, `seconds/generation` and
    `seconds/reward` where there are any, `seconds/update` (what else a step takes) and `seconds_left`; and
    `tokens_per_second`, of the completions over their drawing, or of what is learned from over the step."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        self._began: float | None = None
        self._spent: dict[str, float] = {}
        self._tokens = 0
        self._seconds, self._steps = 0.0, 0
        super().__init__(*arguments, **more)

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Any:
        if self._began is None:
            self._began = time.perf_counter()
        if isinstance(inputs, dict) and "labels" in inputs:
            self._tokens += int((inputs["labels"] != -100).sum())
        return super().training_step(model, inputs, num_items_in_batch)  # type: ignore[misc]

    def _generate(self, prompts: Any) -> Any:
        before = time.perf_counter()
        found = super()._generate(prompts)  # type: ignore[misc]
        self._add("generation", before)
        self._tokens += sum(map(len, found[1])) * self.accelerator.num_processes  # type: ignore[attr-defined]
        return found

    def _calculate_rewards(self, *arguments: Any, **more: Any) -> Any:
        before = time.perf_counter()
        found = super()._calculate_rewards(*arguments, **more)  # type: ignore[misc]
        self._add("reward", before)
        return found

    def _add(self, part: str, before: float) -> None:
        self._spent[part] = self._spent.get(part, 0.0) + time.perf_counter() - before

    def log(self, logs: dict[str, Any], start_time: float | None = None) -> None:
        if "loss" in logs and self._began is not None:
            logs.update(self._taken())
        super().log(logs, start_time)  # type: ignore[misc]

    def _taken(self) -> dict[str, float]:
        """What has been spent since the last log."""
        state = self.state  # type: ignore[attr-defined]
        whole = time.perf_counter() - (self._began or 0.0)
        drawing = self._spent.get("generation", 0.0)
        found = {f"seconds/{part}": spent for part, spent in self._spent.items()}
        found["seconds/update"] = whole - sum(self._spent.values())
        if self._tokens:
            found["tokens_per_second"] = self._tokens / (drawing or whole)
        self._seconds, self._steps = self._seconds + whole, self._steps + 1
        logged_every = max(1.0, float(self.args.logging_steps))  # type: ignore[attr-defined]
        left = max(0, state.max_steps - state.global_step)
        found["seconds_left"] = left * self._seconds / self._steps / logged_every
        self._began, self._spent, self._tokens = None, {}, 0
        return found


def watched(kind: type) -> type:
    """A trainer's class with a clock."""
    return type(kind.__name__, (Watched, kind), {})
