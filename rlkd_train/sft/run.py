"""One supervised run over tokenised examples: TRL's SFTTrainer, its log, its checkpoints, its final weights.

TRL 1.16 computes the loss through a fused output layer, in chunks, and on the labelled tokens alone, so float32 logits
over the whole vocabulary are never held (`trl/trainer/utils.py`, `add_fused_lm_head`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rlkd_data.run.progress import say, tally
from rlkd_train.config import GsrmSettings, SftSettings
from rlkd_train.launch.ranks import is_main, processes, while_all_live
from rlkd_train.on_the_way.run import evaluating
from rlkd_train.run_folder import CHECKPOINTS, LOG, StepLog, read_log, whole_weights
from rlkd_train.sft.arguments import arguments
from rlkd_train.sft.begun import Begun
from rlkd_train.sound import Finite, sound
from rlkd_train.stopping import Stops, saving
from rlkd_train.trl_settings import refusals


def run_sft(
    settings: SftSettings | GsrmSettings,
    begun: Begun,
    *,
    model: Any,
    tokenizer: Any,
    out: Path,
    watchers: Sequence[Any] = (),
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Train `model` in place on the examples of `begun`, or go on from its checkpoint, in each of the run's processes;
    `watchers` are the main one's callbacks. Returns figures, of the main process, and the weights where the model is
    spread over several.

    `out` gets `checkpoints/`, `log.jsonl`. Whatever ends the run, a checkpoint of the last whole step is there.
    """
    from datasets import Dataset
    from transformers import PrinterCallback

    from rlkd_train.sft.loss import trainer_class
    from rlkd_train.watch.clock import watched

    stops = Stops(processes())
    with tally("training steps") as progress, evaluating(settings, out) as evaluations:
        args = arguments(settings, out / CHECKPOINTS, processes=processes(), checkpointing=begun.checkpointing)
        with refusals("trl") if settings.trl else nullcontext():
            trainer = watched(trainer_class(settings))(
                model=model,
                args=args,
                train_dataset=Dataset.from_file(str(begun.examples)),
                processing_class=tokenizer,
                callbacks=[
                    *([StepLog(out / LOG, progress), *watchers] if is_main() else []),
                    stops,
                    Finite(),
                    *evaluations,
                ],
            )
        trainer.remove_callback(PrinterCallback)
        if begun.checkpoint is not None:
            say(f"going on from {begun.checkpoint}")
        with sound(trainer), while_all_live(), saving(trainer, stops, out / CHECKPOINTS):
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
