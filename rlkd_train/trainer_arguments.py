"""What every run tells transformers' Trainer, whatever it trains: rates, checkpoints, seeds, the device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlkd_train.config import TrainSettings
from rlkd_train.shares import WAIT
from rlkd_train.watch.trackers import reporting


def common(
    settings: TrainSettings, checkpoints: Path, *, micro_batch: int, accumulate: int, checkpointing: bool
) -> dict[str, Any]:
    """`micro_batch` sequences are in a forward pass of one process, `accumulate` passes in a step. `checkpointing`:
    activations are computed again in the backward pass."""
    import torch

    from rlkd_train.student import in_bfloat16

    on_gpu = torch.cuda.is_available()
    optim = settings.optim
    return {
        "output_dir": str(checkpoints),
        "per_device_train_batch_size": micro_batch,
        "gradient_accumulation_steps": accumulate,
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
        "activation_checkpointing": checkpointing,
        "ddp_timeout": WAIT,
        **reporting(settings, checkpoints.parent),
        "disable_tqdm": True,
        "dataloader_pin_memory": on_gpu,
    }
