"""GRPO (Shao et al. 2024) on the student, through TRL's trainer, with the rewards of RLKD (section 3.3)."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from rlkd_data.errors import RlkdError
from rlkd_data.run.progress import console, tally
from rlkd_data.run.stage import StageResult
from rlkd_train.config import GrpoSettings
from rlkd_train.grpo.arguments import arguments
from rlkd_train.grpo.figures import figures
from rlkd_train.problems import Task
from rlkd_train.reward.for_trl import Rewards


def train(
    settings: GrpoSettings, out: Path, tasks: list[Task], rewards: Rewards, checkpoint: Path | None
) -> StageResult:
    from datasets import Dataset
    from transformers import PrinterCallback

    from rlkd_data.prompts import student_messages
    from rlkd_train.run_folder import CHECKPOINTS, LOG, StepLog, save_model
    from rlkd_train.student import load_student

    model, tokenizer = load_student(settings)
    tokenizer.padding_side = "left"
    prompts = [
        {
            "prompt": [{"role": m.role, "content": m.content} for m in student_messages(task.problem)],
            "problem_id": task.problem_id,
        }
        for task in tasks
    ]
    logging.getLogger("trl.trainer.grpo_trainer").addFilter(_not_about_unscored)
    with tally("GRPO steps", settings.steps) as progress:
        trainer = open_trainer(
            settings,
            rewards,
            model=model,
            args=arguments(settings, out / CHECKPOINTS),
            train_dataset=Dataset.from_list(prompts),
            processing_class=tokenizer,
            callbacks=[StepLog(out / LOG, progress)],
        )
        trainer.remove_callback(PrinterCallback)
        if checkpoint:
            console.print(f"going on from {checkpoint}", markup=False)
        try:
            finished = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        except RlkdError:
            _keep(trainer, out / CHECKPOINTS)
            raise
    save_model(trainer.model, tokenizer, out, settings.model)
    told = {"structure is scored by": settings.told.removeprefix("structure: ")}
    return StageResult({"ok": len(tasks)}, figures(out, finished.global_step) | told)


def open_trainer(settings: GrpoSettings, rewards: Rewards, **arguments: Any) -> Any:
    """TRL's own trainer, or with `credit: step` ours, which differs from it in the advantages alone."""
    if settings.credit == "step":
        from rlkd_train.grpo.step_credit import StepCreditTrainer

        weight = settings.weights.of("structure")
        return StepCreditTrainer(reward_funcs=rewards.functions(), rewards=rewards, weight=weight, **arguments)
    from trl import GRPOTrainer

    return GRPOTrainer(reward_funcs=rewards.functions(), **arguments)


def _keep(trainer: Any, checkpoints: Path) -> None:
    """Save a checkpoint of the last whole step: a reward that fails has changed no weight yet."""
    step = trainer.state.global_step
    if step and not (checkpoints / f"checkpoint-{step}" / "trainer_state.json").exists():
        trainer._save_checkpoint(trainer.model, trial=None)


def _not_about_unscored(record: logging.LogRecord) -> bool:
    """TRL prints the whole completion for each batch with one that has no reward; we log how many, and why."""
    return "All reward functions returned None" not in record.getMessage()
