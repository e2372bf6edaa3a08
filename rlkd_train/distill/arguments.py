"""The settings of an on-policy distillation as TRL's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlkd_train.base_model import check_quantised
from rlkd_train.config import DistillSettings
from rlkd_train.shares import WAIT, share
from rlkd_train.trl_settings import build
from rlkd_train.watch.trackers import reporting


def arguments(settings: DistillSettings, checkpoints: Path, *, processes: int = 1) -> Any:
    """`processes` share a step's prompts. Raises InputError for what TRL refuses, or this machine cannot do."""
    import torch
    from trl import DistillationConfig

    from rlkd_train.student import in_bfloat16

    check_quantised(settings)
    on_gpu = torch.cuda.is_available()
    optim = settings.optim
    told = f"the {settings.prompts_per_step} prompts of a step (prompts_per_step)"
    micro_batch, accumulate = share(settings.prompts_per_step, optim.micro_batch, processes, told)
    ours = {
        "output_dir": str(checkpoints),
        "max_steps": settings.steps,
        "per_device_train_batch_size": micro_batch,
        "gradient_accumulation_steps": accumulate,
        "max_completion_length": settings.max_completion,
        "temperature": settings.temperature,
        "beta": settings.divergence,
        "learning_rate": optim.learning_rate,
        "lr_scheduler_type": optim.schedule,
        "warmup_steps": optim.warmup_ratio,
        "weight_decay": optim.weight_decay,
        "max_grad_norm": optim.max_grad_norm,
        "logging_steps": 1,
        "save_steps": optim.save_steps,
        "save_total_limit": 2,
        "seed": settings.seed,
        "data_seed": settings.seed,
        "bf16": in_bfloat16(settings),
        "use_cpu": not on_gpu,
        "activation_checkpointing": settings.checkpointing == "on" or (settings.checkpointing == "auto" and on_gpu),
        "ddp_timeout": WAIT,
        **reporting(settings, checkpoints.parent),
        "disable_tqdm": True,
        "dataloader_pin_memory": on_gpu,
    }
    if settings.teacher_url is None:
        return build(DistillationConfig, ours, settings.trl)
    from trl.experimental.server_distillation import ServerDistillationConfig

    ours |= {"teacher_model_server_url": settings.teacher_url, "loss_top_k": settings.teacher_top}
    return build(ServerDistillationConfig, ours, settings.trl)
