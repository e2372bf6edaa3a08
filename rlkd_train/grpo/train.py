"""GRPO (Shao et al. 2024) on the student, through TRL's trainer, with the rewards of RLKD (section 3.3)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlkd_data.run.progress import say, tally
from rlkd_data.run.stage import StageResult
from rlkd_train.config import GrpoSettings
from rlkd_train.grpo.arguments import arguments
from rlkd_train.grpo.figures import figures
from rlkd_train.grpo.prompts import prompts
from rlkd_train.grpo.scored_once import ScoredOnce
from rlkd_train.launch.ranks import is_main, processes, wait_for_all, while_all_live
from rlkd_train.on_the_way.run import evaluating
from rlkd_train.problems import Task
from rlkd_train.reward.for_trl import Rewards
from rlkd_train.trl_settings import refusals


@dataclass(frozen=True, slots=True)
class Begun:
    """What every process of a run must know of its beginning. `checkpointing`: activations are computed again."""

    tasks: list[Task]
    checkpoint: Path | None
    checkpointing: bool = False


def train(
    settings: GrpoSettings, out: Path, rewards: Rewards | ScoredOnce, begun: Begun, watchers: Sequence[Any] = ()
) -> StageResult:
    """Train on the problems of `begun`, in each of the run's processes; `watchers` are the main one's callbacks.
    Whatever ends the run before its last step, a checkpoint of the last whole step is in `out`, which the main process
    alone writes in."""
    from datasets import Dataset
    from transformers import PrinterCallback

    from rlkd_train.run_folder import CHECKPOINTS, LOG, START, StepLog, save_model, whole_weights
    from rlkd_train.sound import Finite, sound
    from rlkd_train.stopping import Stops, saving
    from rlkd_train.student import is_adapter, keep_start, load_student

    model, tokenizer = load_student(settings)
    tokenizer.padding_side = "left"
    if settings.beta and not settings.lora.r and is_adapter(settings):
        if is_main():
            keep_start(model, out / START)
        wait_for_all()
        model.config._name_or_path = str(out / START)
    logging.getLogger("trl.trainer.grpo_trainer").addFilter(_not_about_unscored)
    stops = Stops(processes())
    with tally("GRPO steps", settings.steps) as progress, evaluating(settings, out) as evaluations:
        trainer = open_trainer(
            settings,
            rewards,
            model=model,
            args=arguments(settings, out / CHECKPOINTS, processes=processes(), checkpointing=begun.checkpointing),
            train_dataset=Dataset.from_list(prompts(settings, begun.tasks)),
            processing_class=tokenizer,
            callbacks=[
                *([StepLog(out / LOG, progress), *watchers] if is_main() else []),
                stops,
                Finite(),
                *evaluations,
            ],
        )
        trainer.remove_callback(PrinterCallback)
        if begun.checkpoint:
            say(f"going on from {begun.checkpoint}")
        with sound(trainer), while_all_live(), saving(trainer, stops, out / CHECKPOINTS):
            finished = trainer.train(resume_from_checkpoint=str(begun.checkpoint) if begun.checkpoint else None)
            whole = whole_weights(trainer)
    if not is_main():
        return StageResult()
    save_model(trainer.model, tokenizer, out, settings.model, whole)
    told = {"structure is scored by": settings.told.removeprefix("structure: ")} if settings.asks_structure else {}
    return StageResult({"ok": len(begun.tasks)}, figures(out, finished.global_step, settings.parts) | told)


def open_trainer(settings: GrpoSettings, rewards: Rewards | ScoredOnce, **arguments: Any) -> Any:
    """TRL's trainer; with `credit: step` or `dynamic_sampling` one that differs from it in the advantages and in the
    problems alone."""
    from rlkd_train.grpo.choose import trainer_class

    kind, more = trainer_class(settings, rewards)
    functions = rewards.functions()
    with refusals("trl") if settings.trl else nullcontext():
        return kind(reward_funcs=functions, **more, **arguments)


def _not_about_unscored(record: logging.LogRecord) -> bool:
    """TRL prints the whole completion for each batch with one that has no reward; we log how many, and why."""
    return "All reward functions returned None" not in record.getMessage()
