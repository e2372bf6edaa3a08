"""The settings of an on-policy distillation as TRL's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlkd_train.base_model import check_quantised
from rlkd_train.config import DistillSettings
from rlkd_train.shares import share
from rlkd_train.trainer_arguments import common
from rlkd_train.trl_settings import build


def arguments(settings: DistillSettings, checkpoints: Path, *, processes: int = 1, checkpointing: bool = False) -> Any:
    """`checkpointing`: compute activations again in the backward pass. `processes` share a step's prompts. Raises
    InputError for what TRL refuses, or this machine cannot do."""
    from trl import DistillationConfig

    check_quantised(settings)
    micro_batch, accumulate = shared(settings, processes)
    ours = common(
        settings, checkpoints, micro_batch=micro_batch, accumulate=accumulate, checkpointing=checkpointing
    ) | {
        "max_steps": settings.steps,
        "max_completion_length": settings.max_completion,
        "temperature": settings.temperature,
        "beta": settings.divergence,
    }
    if settings.teacher_url is None:
        return build(DistillationConfig, ours, settings.trl)
    from trl.experimental.server_distillation import ServerDistillationConfig

    ours |= {"teacher_model_server_url": settings.teacher_url, "loss_top_k": settings.teacher_top}
    return build(ServerDistillationConfig, ours, settings.trl)


def shared(settings: DistillSettings, processes: int) -> tuple[int, int]:
    """(prompts in a forward pass, forward passes in a step) of each process. Raises InputError where a step cannot be
    shared."""
    told = f"the {settings.prompts_per_step} prompts of a step (prompts_per_step)"
    return share(settings.prompts_per_step, settings.optim.micro_batch, processes, told)
