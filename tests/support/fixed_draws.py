"""Completions that do not depend on the number of processes: each follows from the step and its place in it."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from typing import Any


def install() -> None:
    """In a process, before its command runs: what is drawn from the model is drawn from the step instead."""
    from trl import GRPOTrainer

    def draw(self: Any, prompt_ids: list[list[int]], *_: Any, **__: Any) -> tuple[list[list[int]], None]:
        first = self.accelerator.process_index * len(prompt_ids)
        drawn = []
        for place in range(first, first + len(prompt_ids)):
            source = random.Random(f"{self.state.global_step} {place}")
            drawn.append([*(source.randrange(70, 90) for _ in range(source.randrange(4, 9))), 1])
        return drawn, None

    GRPOTrainer._generate_single_turn = draw


def killed_in_step_3() -> None:
    """The same, but the second process is killed while it draws for step 3."""
    _in_step(3, 1, lambda: os.kill(os.getpid(), signal.SIGKILL))


def told_to_end_in_step_5() -> None:
    """The same, but the first process alone is told to end while it draws for step 5."""
    _in_step(5, 0, lambda: signal.raise_signal(signal.SIGTERM))


def _in_step(step: int, rank: int, then: Callable[[], object]) -> None:
    from trl import GRPOTrainer

    install()
    before = GRPOTrainer._generate_single_turn

    def draw(self: Any, *arguments: Any, **more: Any) -> Any:
        if self.state.global_step == step - 1 and self.accelerator.process_index == rank:
            then()
        return before(self, *arguments, **more)

    GRPOTrainer._generate_single_turn = draw
