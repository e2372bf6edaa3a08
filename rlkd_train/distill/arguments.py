"""The settings of an on-policy distillation as TRL's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlkd_train.base_model import check_quantised
from rlkd_train.config import DistillSettings
from rlkd_train.shares import share
from rlkd_train.trainer_arguments import common
from rlkd_train.trl_settings import build


def arguments(settings: DistillSettings, checkpoints: Path, *, processes: int = 1) -> Any:
    """`processes` share a step's prompts. Raises InputError for what TRL refuses, or this machine cannot do."""
    import torch
    from trl import DistillationConfig

    check_quantised(settings)
    optim = settings.optim
    told = f"the {settings.prompts_per_step} prompts of a step (prompts_per_step)"
    micro_batch, accumulate = share(settings.prompts_per_step, optim.micro_batch, processes, told)
    ours = common(
        settings,
        checkpoints,
        micro_batch=micro_batch,
        accumulate=accumulate,
        checkpointing=settings.checkpointing == "on"
        or (settings.checkpointing == "auto" and torch.cuda.is_available()),
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
