"""One supervised run over tokenised examples: TRL's SFTTrainer, its log, its checkpoints, its final weights.

TRL 1.16 computes the loss through a fused output layer, in chunks, and on the labelled tokens alone, so float32 logits
over the whole vocabulary are never held (`trl/trainer/utils.py`, `add_fused_lm_head`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlkd_data.run.progress import say, tally
from rlkd_train.config import GsrmSettings, SftSettings, TrainSettings
from rlkd_train.launch.ranks import is_main, processes, while_all_live
from rlkd_train.run_folder import CHECKPOINTS, LOG, StepLog, read_log, whole_weights
from rlkd_train.sft.begun import Begun
from rlkd_train.shares import WAIT, share
from rlkd_train.stopping import Stops, saving


def run_sft(
    settings: SftSettings | GsrmSettings, begun: Begun, *, model: Any, tokenizer: Any, out: Path
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Train `model` in place on the examples of `begun`, or go on from its checkpoint, in each of the run's processes.
    Returns figures, of the main process, and the weights where the model is spread over several.

    `out` gets `checkpoints/`, `log.jsonl`. Whatever ends the run, a checkpoint of the last whole step is there.
    """
    import torch
    from datasets import Dataset
    from transformers import PrinterCallback

    from rlkd_train.sft.loss import LabelledPositionsTrainer, Trainer

    stops = Stops(processes())
    with tally("training steps") as progress:
        trainer = (Trainer if torch.cuda.is_available() else LabelledPositionsTrainer)(
            model=model,
            args=_arguments(settings, out, checkpointing=begun.checkpointing),
            train_dataset=Dataset.from_file(str(begun.examples)),
            processing_class=tokenizer,
            callbacks=[StepLog(out / LOG, progress), stops] if is_main() else [stops],
        )
        trainer.remove_callback(PrinterCallback)
        if begun.checkpoint is not None:
            say(f"going on from {begun.checkpoint}")
        with while_all_live(), saving(trainer, stops, out / CHECKPOINTS):
            finished = trainer.train(resume_from_checkpoint=str(begun.checkpoint) if begun.checkpoint else None)
            whole = whole_weights(trainer)
    if not is_main():
        return {}, whole
    log = read_log(out)
    return {
        "steps": finished.global_step,
        "loss_first": log[0]["loss"] if log else None,
        "loss_last": log[-1]["loss"] if log else None,
        "seconds": round(finished.metrics["train_runtime"], 1),
    }, whole


def _arguments(settings: SftSettings | GsrmSettings, out: Path, *, checkpointing: bool) -> Any:
    import torch
    from trl import SFTConfig

    from rlkd_train.student import in_bfloat16

    on_gpu = torch.cuda.is_available()
    optim = settings.optim
    micro_batch, accumulate = shared(settings, processes())
    return SFTConfig(
        output_dir=str(out / CHECKPOINTS),
        num_train_epochs=settings.epochs,
        max_steps=settings.max_steps,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=accumulate,
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
        activation_checkpointing=checkpointing,
        ddp_timeout=WAIT,
        max_length=None,
        remove_unused_columns=False,  # the sampler needs `length`
        dataset_kwargs={"skip_prepare_dataset": True},
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=on_gpu,
    )


def shared(settings: TrainSettings, count: int) -> tuple[int, int]:
    """(sequences in a forward pass, forward passes in a step) of each of `count` processes."""
    optim = settings.optim
    total = optim.micro_batch * optim.accumulate
    told = f"the {total} sequences of a step (micro_batch {optim.micro_batch} × accumulate {optim.accumulate})"
    return share(total, optim.micro_batch, count, told)
