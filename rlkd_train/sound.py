"""What ends a training that goes wrong by itself, in one line: gradients without numbers, memory that is used up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import TrainerCallback

from rlkd_data.errors import InputError, RlkdError
from rlkd_train.launch.ranks import processes
from rlkd_train.stopping import any_of

_NO_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory", re.IGNORECASE)
_NO_NUMBERS = re.compile(r"probability tensor contains|inf or nan", re.IGNORECASE)
_LOWER = "lower optim.learning_rate, or look at the last lines of the log for what led there"


class Diverged(RlkdError):
    """The training's numbers are none any more."""


class OutOfRoom(InputError):
    """A device's memory is used up: the settings ask for more than there is. It may be met in one process alone."""


class Finite(TrainerCallback):  # type: ignore[misc]
    """Raises Diverged, in all processes alike, before a gradient that is not finite spoils the weights. transformers
    would go on, log a finite loss in the place of NaN (`logging_nan_inf_filter`), and save what is left."""

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        bad = not finite(weight.grad for weight in model.parameters() if weight.grad is not None)
        if any_of(bad) if processes() > 1 else bad:
            raise Diverged(
                f"step {state.global_step + 1}: the gradient is not finite, and the weights stay those of step "
                f"{state.global_step}: {_LOWER}"
            )


def finite(gradients: Iterable[torch.Tensor]) -> bool:
    """Whether all of them are; of those that are spread over processes, what this one holds."""
    norms = [torch.linalg.vector_norm(getattr(one, "_local_tensor", one).float()) for one in gradients]
    return not norms or bool(torch.isfinite(torch.stack(norms)).all())


@contextmanager
def sound(trainer: Any) -> Iterator[None]:
    """Train within it. Raises OutOfRoom and Diverged for what torch says of memory and of numbers; no checkpoint is
    saved for it, since a step may be half done: the same command goes on from the last one."""
    try:
        yield
    except RuntimeError as problem:
        said, step = str(problem), trainer.state.global_step + 1
        if isinstance(problem, torch.OutOfMemoryError) or _NO_MEMORY.search(said):
            again = bool(trainer.args.gradient_checkpointing or trainer.args.activation_checkpointing)
            change = (
                "take a smaller optim.micro_batch, or less to draw, in another folder"
                if again
                else "set checkpointing to on (the same command goes on from the last checkpoint)"
            )
            raise OutOfRoom(
                f"step {step}: the memory of {trainer.args.device} is used up: {change}; --dry-run tells what takes it"
            ) from None
        if _NO_NUMBERS.search(said):
            raise Diverged(f"step {step}: the student's probabilities are no numbers any more: {_LOWER}") from None
        raise
