"""A training run's folder: its log, its checkpoints, its final weights; SFT and GRPO alike.

OUT/checkpoints/   the trainer's, of which the last two are kept, or as many as `trl: {save_total_limit: …}` says
OUT/log.jsonl      what the trainer logged, a line a step
OUT/model/         the final weights
OUT/start/         those that GRPO started from, merged, where the KL term needs them
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from rlkd_data.errors import InputError
from rlkd_data.files import write_whole
from rlkd_data.run.progress import Tally, console
from rlkd_train.checkpoint import cut_short
from rlkd_train.watch.line import line

CHECKPOINTS = "checkpoints"
MODEL = "model"
LOG = "log.jsonl"
START = "start"


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint; half-written ones (a run killed while saving) are removed.

    The trainer writes `trainer_state.json` last, so a checkpoint was saved whole where that file is and can be read.
    One that was cut short later is left where it is, and out.
    """
    found = sorted(
        (path for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*") if path.name.rpartition("-")[2].isdigit()),
        key=step_of,
        reverse=True,
    )
    for path in found:
        try:
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            console.print(f"{path} is not a whole checkpoint: leaving it out", markup=False)
            shutil.rmtree(path)
            continue
        if (broken := cut_short(path)) is not None:
            console.print(f"{broken} was cut short after it was saved: leaving {path.name} out", markup=False)
            continue
        return path
    return None


def step_of(checkpoint: Path) -> int:
    """The step after which a checkpoint was saved."""
    return int(checkpoint.name.rpartition("-")[2])


def check_not_beyond(checkpoint: Path | None, steps: int, name: str) -> None:
    """Raises InputError where a run has more steps than it is to have: it can be extended, not cut short."""
    if checkpoint is not None and 0 < steps < step_of(checkpoint):
        raise InputError(
            f"{checkpoint.parents[1]} has been trained for {step_of(checkpoint):,} steps already, and {name} is "
            f"{steps:,}: set it to more, or choose another --out"
        )


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
        write_whole(self.path, "".join(kept))
        self.progress.total = state.max_steps
        self.progress.advance(count=state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.progress.advance()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": state.global_step, **(logs or {})}) + "\n")
        if logs and "loss" in logs:
            self.progress.note(line(logs))


def read_log(out: Path) -> list[dict[str, float]]:
    """The lines of a run's log that are of training steps."""
    lines = [json.loads(line) for line in (out / LOG).read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if "loss" in line]


def seconds_per_step(log: Sequence[Mapping[str, float]]) -> float | None:
    """Mean seconds of a step, of a run's log lines; None where no line says."""
    times = [one["step_time"] for one in log if "step_time" in one]
    return sum(times) / len(times) if times else None


def whole_weights(trainer: Any) -> dict[str, Any] | None:
    """The weights of a model that is spread over processes, gathered; None where each process holds it whole. All of
    them must ask."""
    if not (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled):
        return None
    found: dict[str, Any] = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    return found


def save_model(model: Any, tokenizer: Any, out: Path, base: str, whole: dict[str, Any] | None = None) -> Path:
    """The final weights in `out/model`: whole weights as the model holds them, an adapter on `base` in bfloat16 (its
    float32 master copy is for the optimiser). `whole` are the weights where the model is spread over processes. The
    folder appears whole or not at all."""
    import torch
    from peft import PeftModel

    folder, temporary = out / MODEL, out / f".{MODEL}.partial"
    shutil.rmtree(temporary, ignore_errors=True)
    if isinstance(model, PeftModel):
        for adapter in model.peft_config.values():
            adapter.base_model_name_or_path = base  # a name that every machine resolves, where one was given
        for weight in model.parameters() if whole is None else ():
            if weight.requires_grad:  # what is measured from here on is what is saved
                weight.data = weight.data.to(torch.bfloat16).to(weight.dtype)
        weights = {
            name: weight.to(torch.bfloat16)
            for name, weight in (model.state_dict() if whole is None else whole).items()
            if "lora_" in name or "modules_to_save" in name
        }
        # embeddings are frozen; "auto" would look the base model up on the Hub. TRL adds a reference adapter for KL
        model.save_pretrained(
            temporary, state_dict=weights, save_embedding_layers=False, selected_adapters=[model.active_adapter]
        )
    else:
        model.save_pretrained(temporary, state_dict=whole)
    tokenizer.save_pretrained(temporary)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)
    return folder
