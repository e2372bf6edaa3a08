"""The settings of a supervised run as TRL's own.

The examples are tokenised by us and kept in a file, so TRL prepares nothing, unless `trl.packing` asks it to lay them
behind each other in rows of `max_length` tokens.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlkd_train.base_model import check_quantised
from rlkd_train.config import GsrmSettings, SftSettings, TrainSettings
from rlkd_train.shares import share
from rlkd_train.trainer_arguments import common
from rlkd_train.trl_settings import build


def arguments(
    settings: SftSettings | GsrmSettings, checkpoints: Path, *, processes: int = 1, checkpointing: bool = False
) -> Any:
    """`checkpointing`: compute activations again in the backward pass. `processes` share a step's sequences. Raises
    InputError for what TRL refuses, or this machine cannot do."""
    from trl import SFTConfig

    check_quantised(settings)
    optim = settings.optim
    micro_batch, accumulate = shared(settings, processes)
    packed = bool(settings.trl.get("packing"))
    ours = common(
        settings, checkpoints, micro_batch=micro_batch, accumulate=accumulate, checkpointing=checkpointing
    ) | {
        "num_train_epochs": settings.epochs,
        "max_steps": settings.max_steps,
        "logging_steps": optim.logging_steps,
        "max_length": settings.max_length if packed else None,
        "remove_unused_columns": packed,  # the sampler needs `length`, which a packed row has not
        "dataset_kwargs": {"skip_prepare_dataset": not packed},
    }
    return build(SFTConfig, ours, settings.trl)


def shared(settings: TrainSettings, count: int) -> tuple[int, int]:
    """(sequences in a forward pass, forward passes in a step) of each of `count` processes."""
    optim = settings.optim
    total = optim.micro_batch * optim.accumulate
    told = f"the {total} sequences of a step (micro_batch {optim.micro_batch} × accumulate {optim.accumulate})"
    return share(total, optim.micro_batch, count, told)
