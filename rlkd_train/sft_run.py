"""One supervised run over tokenised examples: TRL's SFTTrainer, its log, its checkpoints, its final weights.

TRL 1.16 computes the loss through a fused output layer, in chunks, and on the labelled tokens alone, so float32 logits
over the whole vocabulary are never held (`trl/trainer/utils.py`, `add_fused_lm_head`).
"""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from rlkd_data.progress import Tally, console, tally
from rlkd_train.config import TrainSettings

_LONG = 4096
"""Tokens of a sequence from which activations are computed again in the backward pass, to save memory."""
CHECKPOINTS = "checkpoints"
MODEL = "model"
LOG = "log.jsonl"


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint; half-written ones (a run killed while saving) are removed.

    The trainer writes `trainer_state.json` last, so a checkpoint is whole where that file is and can be read.
    """
    found = sorted(
        (path for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*") if path.name.rpartition("-")[2].isdigit()),
        key=lambda path: int(path.name.rpartition("-")[2]),
        reverse=True,
    )
    for path in found:
        try:
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            console.print(f"{path} is not a whole checkpoint: leaving it out", markup=False)
            shutil.rmtree(path)
            continue
        return path
    return None


class StepLog(TrainerCallback):  # type: ignore[misc]
    """Writes what the trainer logs to `log.jsonl`, a line a step. A run that goes on from a checkpoint first drops the
    lines after it, so that no step stands there twice."""

    def __init__(self, path: Path, progress: Tally) -> None:
        self.path, self.progress = path, progress

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        kept = []
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                try:
                    step = json.loads(line)["step"]
                except (ValueError, KeyError):  # the line that a kill cut short
                    continue
                if step <= state.global_step:
                    kept.append(line + "\n")
        self.path.write_text("".join(kept), encoding="utf-8")
        self.progress.total = state.max_steps
        self.progress.advance(count=state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.progress.advance()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": state.global_step, **(logs or {})}) + "\n")


def read_log(out: Path) -> list[dict[str, float]]:
    """The lines of a run's log that are of training steps."""
    lines = [json.loads(line) for line in (out / LOG).read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if "loss" in line]


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

    from rlkd_train.sft_loss import LabelledPositionsTrainer

    with warnings.catch_warnings():
        # TRL 1.16 names the argument as transformers did before; its users can do nothing about that
        warnings.filterwarnings("ignore", message=".*gradient_checkpointing", category=FutureWarning)
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
        bf16=on_gpu and settings.precision != "float32",
        use_cpu=not on_gpu,
        gradient_checkpointing=long,
        max_length=None,
        train_sampling_strategy="group_by_length",
        remove_unused_columns=False,  # the sampler needs `length`
        dataset_kwargs={"skip_prepare_dataset": True},
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=on_gpu,
    )


def save_model(model: Any, tokenizer: Any, out: Path, base: str) -> Path:
    """The final weights in `out/model`: whole weights as the model holds them, an adapter on `base` in bfloat16 (its
    float32 master copy is for the optimiser). The folder appears whole or not at all."""
    import torch
    from peft import PeftModel

    folder, temporary = out / MODEL, out / f".{MODEL}.partial"
    shutil.rmtree(temporary, ignore_errors=True)
    if isinstance(model, PeftModel):
        for adapter in model.peft_config.values():
            adapter.base_model_name_or_path = base  # a name that every machine resolves, where one was given
        for weight in model.parameters():
            if weight.requires_grad:  # what is measured from here on is what is saved
                weight.data = weight.data.to(torch.bfloat16).to(weight.dtype)
        weights = {name: weight.to(torch.bfloat16) for name, weight in model.state_dict().items() if "lora_" in name}
        # embeddings are frozen; "auto" would look the base model up on the Hub
        model.save_pretrained(temporary, state_dict=weights, save_embedding_layers=False)
    else:
        model.save_pretrained(temporary)
    tokenizer.save_pretrained(temporary)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)
    return folder
