"""^C and SIGTERM while a model is trained: a checkpoint of the last whole step is saved before the run ends.

In one process training stops at once. Only what would leave a step half done waits: the optimiser's step, and the log
line and the checkpoint that follow it. Several processes must stop at one step, so they finish theirs and agree.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from transformers import TrainerCallback

from rlkd_data.errors import RlkdError
from rlkd_data.run.interrupt import keep, unhurried
from rlkd_train.launch.ranks import from_all


class Stops(TrainerCallback):  # type: ignore[misc]
    """Knows when a run may be stopped, and the random state at the end of the last whole step."""

    def __init__(self, processes: int = 1) -> None:
        self.processes = processes
        self.wanted = False
        self._whole_step_first = processes > 1
        self.random: Any = None

    def take(self, number: int, frame: FrameType | None) -> None:
        """The handler of SIGINT, which `rlkd_data.run.interrupt` makes of SIGTERM too."""
        unhurried()  # a checkpoint of a large model takes longer than the usual end
        if self._whole_step_first and not self.wanted:
            self.wanted = True
            return
        self.wanted = True
        raise KeyboardInterrupt

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.random = random_state()

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.processes == 1:
            self._whole_step_first = False
            if self.wanted:
                raise KeyboardInterrupt

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._whole_step_first = True

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.random = random_state()
        if self.processes > 1:
            self.wanted = any_of(self.wanted)
        if self.wanted:
            control.should_log = control.should_save = control.should_training_stop = True


@contextmanager
def saving(trainer: Any, stops: Stops, checkpoints: Path) -> Iterator[None]:
    """Train within it: whatever ends the run, ^C, SIGTERM, an outage or a guard, a checkpoint of the last whole step is
    there when the error or the KeyboardInterrupt goes on."""
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, stops.take) if main else None
    try:
        yield
        if stops.wanted and trainer.state.global_step < trainer.state.max_steps:
            raise KeyboardInterrupt
    except (RlkdError, KeyboardInterrupt) as problem:
        if stops.processes == 1 or isinstance(problem, RlkdError):
            save_last(trainer, stops, checkpoints)
        if (step := trainer.state.global_step) and isinstance(problem, KeyboardInterrupt):
            keep(f"a checkpoint of step {step:,} is in {checkpoints};")
        raise
    finally:
        if main:
            signal.signal(signal.SIGINT, before)


def save_last(trainer: Any, stops: Stops, checkpoints: Path) -> None:
    """Save a checkpoint of the last whole step, unless it is there: what was begun since has changed no weight, and the
    random state is taken back."""
    step = trainer.state.global_step
    if step and not (checkpoints / f"checkpoint-{step}" / "trainer_state.json").exists():
        set_random_state(stops.random)
        trainer._save_checkpoint(trainer.model, trial=None)


def random_state() -> Any:
    """Of all generators that a checkpoint keeps."""
    import random

    import numpy as np
    import torch

    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda


def set_random_state(state: Any) -> None:
    import random

    import numpy as np
    import torch

    if state is None:
        return
    random.setstate(state[0])
    np.random.set_state(state[1])
    torch.set_rng_state(state[2])
    if state[3] is not None:
        torch.cuda.set_rng_state_all(state[3])


def any_of(wanted: bool) -> bool:
    """Whether any process wants it. All of them must ask at one place."""
    return any(from_all(wanted))
