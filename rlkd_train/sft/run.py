"""One supervised run over tokenised examples: TRL's SFTTrainer, its log, its checkpoints, its final weights.

TRL 1.16 computes the loss through a fused output layer, in chunks, and on the labelled tokens alone, so float32 logits
over the whole vocabulary are never held (`trl/trainer/utils.py`, `add_fused_lm_head`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlkd_data.run.progress import console, tally
from rlkd_train.config import TrainSettings
from rlkd_train.run_folder import CHECKPOINTS, LOG, StepLog, last_checkpoint, read_log

_LONG = 4096
"""Tokens of a sequence from which activations are computed again in the backward pass, to save memory."""


def run_sft(
    settings: TrainSettings,
    *,
    model: Any,
    tokenizer: Any,
    examples: Path,
    out: Path,
    epochs: float,
    max_steps: int,
    max_length: int,
) -> dict[str, Any]:
    """Train `model` in place on the examples file; returns figures. Goes on from the last whole checkpoint in `out`.

    `out` gets `checkpoints/`, `log.jsonl`.
    """
    import torch
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import SFTTrainer

    from rlkd_train.sft.loss import LabelledPositionsTrainer

    arguments = _arguments(settings, out, epochs, max_steps, long=max_length > _LONG)
    with tally("training steps") as progress:
        trainer = (SFTTrainer if torch.cuda.is_available() else LabelledPositionsTrainer)(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_file(str(examples)),
            processing_class=tokenizer,
            callbacks=[StepLog(out / LOG, progress)],
        )
        trainer.remove_callback(PrinterCallback)
        checkpoint = last_checkpoint(out / CHECKPOINTS)
        if checkpoint is not None:
            console.print(f"going on from {checkpoint}", markup=False)
        finished = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    log = read_log(out)
    return {
        "steps": finished.global_step,
        "loss_first": log[0]["loss"] if log else None,
        "loss_last": log[-1]["loss"] if log else None,
        "seconds": round(finished.metrics["train_runtime"], 1),
    }


def _arguments(settings: TrainSettings, out: Path, epochs: float, max_steps: int, *, long: bool) -> Any:
    import torch
    from trl import SFTConfig

    from rlkd_train.student import in_bfloat16

    on_gpu = torch.cuda.is_available()
    optim = settings.optim
    return SFTConfig(
        output_dir=str(out / CHECKPOINTS),
        num_train_epochs=epochs,
        max_steps=max_steps,
        per_device_train_batch_size=optim.micro_batch,
        gradient_accumulation_steps=optim.accumulate,
        learning_rate=optim.learning_rate,
        lr_scheduler_type=optim.schedule,
        warmup_steps=optim.warmup_ratio,
        weight_decay=optim.weight_decay,
        max_grad_norm=optim.max_grad_norm,
        logging_steps=optim.logging_steps,
        save_steps=optim.save_steps,
        save_total_limit=2,
        seed=settings.seed,
        data_seed=settings.seed,
        bf16=in_bfloat16(settings),
        use_cpu=not on_gpu,
        activation_checkpointing=long,
        max_length=None,
        train_sampling_strategy="group_by_length",
        remove_unused_columns=False,  # the sampler needs `length`
        dataset_kwargs={"skip_prepare_dataset": True},
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=on_gpu,
    )
