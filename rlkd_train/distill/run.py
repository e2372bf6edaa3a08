"""`rlkd-train distill`: the problems from the tables, the student, its teacher, and TRL's trainer for both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from rlkd_data.chat.backends.models import resolve
from rlkd_data.run.progress import say, tally
from rlkd_data.run.stage import StageResult
from rlkd_train.config import DistillSettings
from rlkd_train.distill.arguments import arguments, shared
from rlkd_train.fits import unused_card
from rlkd_train.grpo.prompts import prompts, with_room
from rlkd_train.grpo.train import Begun
from rlkd_train.launch.ranks import begin, is_main, processes, while_all_live
from rlkd_train.plan.needs import needs_of
from rlkd_train.problems import Task, load_tasks
from rlkd_train.trl_settings import refusals


def train_distill(settings: DistillSettings, out: Path) -> StageResult:
    """Train the student. `out` gets model/, log.jsonl and checkpoints/; a run that was stopped goes on from its last
    checkpoint. Raises InputError where there are fewer problems than a step takes, or the teacher does not fit;
    ModelError, after saving a checkpoint, where its server does not answer."""
    from rlkd_train.run_folder import CHECKPOINTS, check_not_beyond, last_checkpoint
    from rlkd_train.watch.hub import pushing

    tasks, longest = problems_of(settings, processes())
    checkpointing = needs_of(settings, longest, processes()).checkpointing
    if processes() == 1:  # several make them together, once they have begun
        arguments(settings, out / CHECKPOINTS, checkpointing=checkpointing)
    checkpoint = last_checkpoint(out / CHECKPOINTS)
    check_not_beyond(checkpoint, settings.steps, "steps")
    with pushing(settings.hub, out / CHECKPOINTS) as pushers:
        return _trained(settings, out, begin(Begun(tasks, checkpoint, checkpointing)), pushers)


def problems_of(settings: DistillSettings, count: int) -> tuple[list[Task], int]:
    """(the problems of a run in `count` processes, the tokens of the longest prompt). Raises InputError where such a
    run could not train: nothing but tables and a tokenizer has been loaded then."""
    shared(settings, count)
    if (told := unused_card()) is not None:
        say(told)
    found = resolve(settings.model.removeprefix("local:"))
    return with_room(settings, found, load_tasks(settings.traces, settings.limit))


def follow_distill(settings: DistillSettings, out: Path, begun: Begun) -> None:
    """Train with the main process, in another one."""
    _trained(settings, out, begun)


def _trained(settings: DistillSettings, out: Path, begun: Begun, watchers: Sequence[Any] = ()) -> StageResult:
    from datasets import Dataset
    from transformers import PrinterCallback

    from rlkd_train.run_folder import CHECKPOINTS, LOG, StepLog, save_model, whole_weights
    from rlkd_train.sound import Finite, sound
    from rlkd_train.stopping import Stops, saving
    from rlkd_train.student import load_student
    from rlkd_train.watch.clock import watched

    student, tokenizer = load_student(settings)
    tokenizer.padding_side = "left"
    stops = Stops(processes())
    with tally("distillation steps", settings.steps) as progress, opened(settings, student, tokenizer) as (kind, more):
        args = arguments(settings, out / CHECKPOINTS, processes=processes(), checkpointing=begun.checkpointing)
        with refusals("trl") if settings.trl else nullcontext():
            trainer = watched(kind)(
                model=student,
                args=args,
                train_dataset=Dataset.from_list(prompts(settings, begun.tasks)),
                processing_class=tokenizer,
                callbacks=[*([StepLog(out / LOG, progress), *watchers] if is_main() else []), stops, Finite()],
                **more,
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
    return StageResult({"ok": len(begun.tasks)}, _figures(out, finished.global_step))


def _figures(out: Path, steps: int) -> dict[str, Any]:
    from rlkd_train.run_folder import read_log, seconds_per_step

    log = read_log(out)
    return {
        "steps": steps,
        "loss_first": log[0]["loss"] if log else None,
        "loss_last": log[-1]["loss"] if log else None,
        "completion tokens, last": log[-1].get("completions/mean_length") if log else None,
        "seconds_per_step": seconds_per_step(log),
    }


@contextmanager
def opened(settings: DistillSettings, student: Any, tokenizer: Any) -> Iterator[tuple[type, dict[str, Any]]]:
    """The trainer's class, and the teacher as it takes it."""
    if settings.teacher_url is None:
        from rlkd_train.distill.teacher import load_teacher
        from rlkd_train.distill.trainer import Trainer

        yield Trainer, {"teacher_model": load_teacher(settings, student, tokenizer)}
        return
    from rlkd_train.distill.served import ServedTeacher, ServedTrainer

    size = student.config.get_text_config().vocab_size
    teacher = ServedTeacher(settings.teacher_url, settings.teacher, size)
    try:
        yield ServedTrainer, {"teacher": teacher}
    finally:
        teacher.close()
