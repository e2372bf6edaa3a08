"""The settings of a GRPO run as TRL's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlkd_train.config import COMPONENTS, GrpoSettings


def arguments(settings: GrpoSettings, checkpoints: Path) -> Any:
    import torch
    from trl import GRPOConfig

    on_gpu = torch.cuda.is_available()
    optim, weights = settings.optim, settings.weights
    total = settings.prompts_per_step * settings.generations
    return GRPOConfig(
        output_dir=str(checkpoints),
        max_steps=settings.steps,
        per_device_train_batch_size=optim.micro_batch,
        gradient_accumulation_steps=total // optim.micro_batch,
        generation_batch_size=total,
        num_generations=settings.generations,
        max_completion_length=settings.max_completion,
        temperature=settings.temperature,
        beta=settings.beta,
        reward_weights=[weights.of(name) for name in COMPONENTS],
        learning_rate=optim.learning_rate,
        lr_scheduler_type=optim.schedule,
        warmup_steps=optim.warmup_ratio,
        weight_decay=optim.weight_decay,
        max_grad_norm=optim.max_grad_norm,
        logging_steps=1,
        save_steps=optim.save_steps,
        save_total_limit=2,
        seed=settings.seed,
        data_seed=settings.seed,
        bf16=on_gpu and settings.precision != "float32",
        use_cpu=not on_gpu,
        activation_checkpointing=on_gpu,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=on_gpu,
    )
