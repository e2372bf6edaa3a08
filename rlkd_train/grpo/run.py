"""`rlkd-train grpo`: the problems and their teachers from the tables, the reward, and the run."""

from __future__ import annotations

from pathlib import Path

from rlkd_data.chat.backends.models import resolve
from rlkd_data.run.progress import say
from rlkd_data.run.stage import StageResult
from rlkd_data.schema import Decomposition
from rlkd_train.annotators import check as check_annotators
from rlkd_train.config import GrpoSettings
from rlkd_train.fits import unused_card
from rlkd_train.grpo.arguments import arguments, shared
from rlkd_train.grpo.prompts import with_room
from rlkd_train.grpo.scored_once import ScoredOnce
from rlkd_train.grpo.scoring import open_scoring
from rlkd_train.grpo.train import Begun, train
from rlkd_train.launch.ranks import begin, processes
from rlkd_train.on_the_way.run import check as check_evaluation
from rlkd_train.plan.needs import needs_of
from rlkd_train.problems import NAMED, Task, load_reasonings, load_tasks, load_teachers, with_teachers
from rlkd_train.reward.completions import FOLDER, drop_after
from rlkd_train.reward.for_trl import Rewards


def train_grpo(settings: GrpoSettings, out: Path) -> StageResult:
    """Train the student. `out` gets model/, log.jsonl, completions/ and checkpoints/; a run that was stopped goes on
    from its last checkpoint. Raises InputError, before anything is trained, where problems have no decomposition of a
    teacher; RunStopped, after saving a checkpoint, where too much cannot be scored or a guard stops the run."""
    from rlkd_train.run_folder import CHECKPOINTS, check_not_beyond, last_checkpoint, step_of
    from rlkd_train.watch.hub import pushing

    tasks, teachers, longest = problems_of(settings, processes())
    reasonings = load_reasonings(settings.traces, teachers)
    say(settings.told)
    checkpointing = needs_of(settings, longest, processes()).checkpointing
    checkpoint = last_checkpoint(out / CHECKPOINTS)
    check_not_beyond(checkpoint, settings.steps, "steps")
    drop_after(out / FOLDER, step_of(checkpoint) if checkpoint else 0)
    if processes() == 1:  # several make them together, once they have begun
        arguments(settings, out / CHECKPOINTS, checkpointing=checkpointing)
    with (
        pushing(settings.hub, out / CHECKPOINTS, out / FOLDER) as pushers,
        open_scoring(settings, tasks, teachers, reasonings, out) as scoring,
    ):
        rewards = Rewards(scoring, out / FOLDER, settings.guards, settings.max_unscored)
        begun = begin(Begun(tasks, checkpoint, checkpointing))
        return train(settings, out, rewards if processes() == 1 else ScoredOnce(rewards), begun, pushers)


def follow_grpo(settings: GrpoSettings, out: Path, begun: Begun) -> None:
    """Train with the main process, in another one."""
    train(settings, out, ScoredOnce(None), begun)


def problems_of(settings: GrpoSettings, count: int) -> tuple[list[Task], dict[str, list[Decomposition]], int]:
    """(the problems of a run in `count` processes, their teachers, the tokens of the longest prompt). Raises InputError
    where such a run could not train: nothing but tables and a tokenizer has been loaded then."""
    teachers = load_teachers(settings.decompositions)
    tasks = load_tasks(settings.traces, settings.limit)
    all_tasks = tasks
    if settings.decompositions:
        tasks = with_teachers(tasks, teachers, skip_missing=settings.skip_missing)
    if missing := [task.problem_id[:12] for task in all_tasks if teachers and task.problem_id not in teachers]:
        named = ", ".join(missing[:NAMED]) + (", …" if len(missing) > NAMED else "")
        say(f"{len(missing)} of {len(all_tasks)} problems left out, for they have no teacher: {named}")
    shared(settings, count)
    if (told := unused_card()) is not None:
        say(told)
    tasks, longest = with_room(settings, resolve(settings.model.removeprefix("local:")), tasks)
    check_evaluation(settings.evaluation, (task.problem_id for task in tasks))
    teachers = {task.problem_id: teachers[task.problem_id] for task in tasks if task.problem_id in teachers}
    if settings.asks_structure:
        check_annotators(teachers, settings.structure.gsrm, allowed=settings.structure.allow_other_annotator)
    return tasks, teachers, longest
