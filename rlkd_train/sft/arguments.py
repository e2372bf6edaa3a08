"""The settings of a supervised run as TRL's own.

The examples are tokenised by us and kept in a file, so TRL prepares nothing, unless `trl.packing` asks it to lay them
behind each other in rows of `max_length` tokens.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlkd_train.base_model import check_quantised
from rlkd_train.config import GsrmSettings, SftSettings, TrainSettings
from rlkd_train.shares import WAIT, share
from rlkd_train.trl_settings import build
from rlkd_train.watch.trackers import reporting


def arguments(
    settings: SftSettings | GsrmSettings, checkpoints: Path, *, processes: int = 1, checkpointing: bool = False
) -> Any:
    """`checkpointing`: compute activations again in the backward pass. `processes` share a step's sequences. Raises
    InputError for what TRL refuses, or this machine cannot do."""
    import torch
    from trl import SFTConfig

    from rlkd_train.student import in_bfloat16

    check_quantised(settings)
    on_gpu = torch.cuda.is_available()
    optim = settings.optim
    micro_batch, accumulate = shared(settings, processes)
    packed = bool(settings.trl.get("packing"))
    ours = {
        "output_dir": str(checkpoints),
        "num_train_epochs": settings.epochs,
        "max_steps": settings.max_steps,
        "per_device_train_batch_size": micro_batch,
        "gradient_accumulation_steps": accumulate,
        "learning_rate": optim.learning_rate,
        "lr_scheduler_type": optim.schedule,
        "warmup_steps": optim.warmup_ratio,
        "weight_decay": optim.weight_decay,
        "max_grad_norm": optim.max_grad_norm,
        "logging_steps": optim.logging_steps,
        "save_steps": optim.save_steps,
        "save_total_limit": 2,
        "seed": settings.seed,
        "data_seed": settings.seed,
        "bf16": in_bfloat16(settings),
        "use_cpu": not on_gpu,
        "activation_checkpointing": checkpointing,
        "ddp_timeout": WAIT,
        "max_length": settings.max_length if packed else None,
        "remove_unused_columns": packed,  # the sampler needs `length`, which a packed row has not
        "dataset_kwargs": {"skip_prepare_dataset": not packed},
        **reporting(settings, checkpoints.parent),
        "disable_tqdm": True,
        "dataloader_pin_memory": on_gpu,
    }
    return build(SFTConfig, ours, settings.trl)


def shared(settings: TrainSettings, count: int) -> tuple[int, int]:
    """(sequences in a forward pass, forward passes in a step) of each of `count` processes."""
    optim = settings.optim
    total = optim.micro_batch * optim.accumulate
    told = f"the {total} sequences of a step (micro_batch {optim.micro_batch} × accumulate {optim.accumulate})"
    return share(total, optim.micro_batch, count, told)
