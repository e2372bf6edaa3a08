"""The settings of a GRPO run as TRL's own.

`loss_type` is `bnpo`, the mean over a micro-batch's tokens: what the reference implementation trained with, on TRL 0.16
which knew no other. TRL's default is now `dapo`, the mean over a step's tokens. They are one where a step is one
micro-batch; where it is several, `bnpo` lets a token of a micro-batch of short completions weigh more.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlkd_train.base_model import check_quantised
from rlkd_train.config import GrpoSettings
from rlkd_train.shares import share
from rlkd_train.trainer_arguments import common
from rlkd_train.trl_settings import build


def arguments(settings: GrpoSettings, checkpoints: Path, *, processes: int = 1, checkpointing: bool = False) -> Any:
    """`checkpointing`: compute activations again in the backward pass. `processes` share a step's completions. Raises
    InputError for what TRL refuses, or this machine cannot do."""
    from trl import GRPOConfig

    check_quantised(settings)
    micro_batch, accumulate = shared(settings, processes)
    ours = common(
        settings, checkpoints, micro_batch=micro_batch, accumulate=accumulate, checkpointing=checkpointing
    ) | {
        "max_steps": settings.steps,
        "generation_batch_size": settings.drawn_at_once,
        "num_generations": settings.generations,
        "loss_type": "bnpo",
        "max_completion_length": settings.max_completion,
        "temperature": settings.temperature,
        "beta": settings.beta,
        "reward_weights": [settings.weight_of(name) for name in settings.parts],
    }
    # steps_per_generation are micro-batches of one process to TRL: of two, twice as many would be drawn at a time
    given = {name: value for name, value in settings.trl.items() if name != "steps_per_generation"}
    return build(GRPOConfig, ours, given)


def shared(settings: GrpoSettings, processes: int) -> tuple[int, int]:
    """(completions in a forward pass, forward passes in a step) of each process. Raises InputError where a step cannot
    be shared."""
    prompts, generations = settings.prompts_per_step, settings.generations
    total = prompts * generations
    told = f"the {total} completions of a step (prompts_per_step {prompts} × generations {generations})"
    return share(total, settings.optim.micro_batch, processes, told)
