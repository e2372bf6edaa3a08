"""`rlkd-train grpo`: the problems and their teachers from the tables, the reward, and the run."""

from __future__ import annotations

from pathlib import Path

from rlkd_data.errors import InputError
from rlkd_data.run.progress import console
from rlkd_data.run.stage import StageResult
from rlkd_train.annotators import check as check_annotators
from rlkd_train.config import GrpoSettings
from rlkd_train.grpo.train import train
from rlkd_train.problems import NAMED, load_reasonings, load_tasks, load_teachers, with_teachers
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
        return train(settings, out, tasks, rewards, checkpoint)


def _check_batch(settings: GrpoSettings) -> None:
    total = settings.prompts_per_step * settings.generations
    if total % settings.optim.micro_batch:
        raise InputError(
            f"optim.micro_batch is {settings.optim.micro_batch}, which does not divide the {total} completions of a "
            f"step (prompts_per_step {settings.prompts_per_step} × generations {settings.generations})"
        )
