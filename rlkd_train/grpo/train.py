"""`rlkd-train grpo`: GRPO (Shao et al. 2024) on the student, with the structure reward (RLKD, section 3.3)."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from rlkd_data.errors import InputError, RlkdError
from rlkd_data.run.progress import console, tally
from rlkd_data.run.stage import StageResult
from rlkd_train.annotators import check as check_annotators
from rlkd_train.config import COMPONENTS, GrpoSettings
from rlkd_train.problems import NAMED, Task, load_reasonings, load_tasks, load_teachers, with_teachers
from rlkd_train.reward.accuracy import open_verifier
from rlkd_train.reward.completions import FOLDER, drop_after
from rlkd_train.reward.components import Scoring
from rlkd_train.reward.for_trl import Rewards
from rlkd_train.reward.structure import StructureReward


def train_grpo(settings: GrpoSettings, out: Path) -> StageResult:
    """Train the student. `out` gets model/, log.jsonl, completions/ and checkpoints/; a run that was stopped goes on
    from its last checkpoint. Raises InputError, before anything is trained, where problems have no decomposition of a
    teacher; RunStopped, after saving a checkpoint, where too much cannot be scored or a guard stops the run."""
    from rlkd_train.run_folder import CHECKPOINTS, last_checkpoint

    teachers = load_teachers(settings.decompositions)
    tasks = load_tasks(settings.traces, settings.limit)
    all_tasks, tasks = tasks, with_teachers(tasks, teachers, skip_missing=settings.skip_missing)
    if missing := [task.problem_id[:12] for task in all_tasks if task.problem_id not in teachers]:
        named = ", ".join(missing[:NAMED]) + (", …" if len(missing) > NAMED else "")
        console.print(
            f"{len(missing)} of {len(all_tasks)} problems left out, for they have no teacher: {named}", markup=False
        )
    teachers = {task.problem_id: teachers[task.problem_id] for task in tasks}
    check_annotators(teachers, settings.structure.gsrm, allowed=settings.structure.allow_other_annotator)
    reasonings = load_reasonings(settings.traces, teachers)
    _check_batch(settings)
    console.print(settings.told, markup=False)
    checkpoint = last_checkpoint(out / CHECKPOINTS)
    drop_after(out / FOLDER, int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0)
    with StructureReward(settings.structure, teachers) as structure, open_verifier(settings) as verifier:
        scoring = Scoring(structure, verifier, tasks, settings.weights, settings.guards, reasonings)
        rewards = Rewards(scoring, out / FOLDER, settings.guards, settings.max_unscored)
        return _train(settings, out, tasks, rewards, checkpoint)


def _check_batch(settings: GrpoSettings) -> None:
    total = settings.prompts_per_step * settings.generations
    if total % settings.optim.micro_batch:
        raise InputError(
            f"optim.micro_batch is {settings.optim.micro_batch}, which does not divide the {total} completions of a "
            f"step (prompts_per_step {settings.prompts_per_step} × generations {settings.generations})"
        )


def _train(
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
        trainer = _trainer(
            settings,
            rewards,
            model=model,
            args=_arguments(settings, out / CHECKPOINTS),
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
    return StageResult({"ok": len(tasks)}, _figures(out, finished.global_step) | told)


def _trainer(settings: GrpoSettings, rewards: Rewards, **arguments: Any) -> Any:
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


def _arguments(settings: GrpoSettings, checkpoints: Path) -> Any:
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


def _figures(out: Path, steps: int) -> dict[str, Any]:
    """What the run came to: the first and the last step's components, and how often there was none."""
    from rlkd_train.run_folder import read_log

    log = read_log(out)
    shown = {f"rewards/{name}/mean": name for name in COMPONENTS} | {
        "reward": "reward",
        "completions/mean_length": "completion tokens",
        "unscored": "unscored share",
    }

    def told(line: dict[str, float]) -> dict[str, float | None]:
        return {label: line.get(key) for key, label in shown.items()}

    times = [line["step_time"] for line in log if "step_time" in line]
    return {
        "steps": steps,
        "first": told(log[0]) if log else {},
        "last": told(log[-1]) if log else {},
        "seconds_per_step": sum(times) / len(times) if times else None,
        "completions": str(out / FOLDER),
    }
