"""The problems as the prompts that the student is asked with, and whether it has room for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlkd_data.chat.backends.models import LocalModel
from rlkd_data.errors import InputError
from rlkd_data.prompts import student_messages
from rlkd_data.run.progress import say
from rlkd_train.config import DistillSettings, GrpoSettings, StudentSettings
from rlkd_train.fits import check_enough, check_positions, positions
from rlkd_train.problems import Task
from rlkd_train.sft.examples import prompt_ids
from rlkd_train.tokenizer import open_tokenizer


def prompts(settings: StudentSettings, tasks: Sequence[Task]) -> list[dict[str, Any]]:
    """The rows that TRL draws from: `prompt` (messages) and `problem_id`."""
    return [
        {
            "prompt": [
                {"role": one.role, "content": one.content}
                for one in student_messages(task.problem, settings.system_prompt)
            ],
            "problem_id": task.problem_id,
        }
        for task in tasks
    ]


def with_room(
    settings: GrpoSettings | DistillSettings, found: LocalModel, tasks: Sequence[Task]
) -> tuple[list[Task], int]:
    """(the problems whose prompts are no longer than `max_prompt`, the tokens of the longest). Raises InputError where
    the model's positions do not suffice for it and a completion, and where too few problems are left for a step."""
    tokenizer = open_tokenizer(settings, found)
    switches = settings.trl.get("chat_template_kwargs") or {}
    lengths = [
        len(prompt_ids(tokenizer, student_messages(task.problem, settings.system_prompt), switches)) for task in tasks
    ]
    most = settings.max_prompt
    kept = [(task, n) for task, n in zip(tasks, lengths, strict=True) if most is None or n <= most]
    if left_out := len(tasks) - len(kept):
        say(f"{left_out} of {len(tasks)} problems left out, for their prompts are longer than {most:,} tokens")
    if not kept:
        raise InputError(f"no prompt is as short as max_prompt ({most:,} tokens); the shortest has {min(lengths):,}")
    longest = max(n for _, n in kept)
    check_positions(
        settings.model, positions(found.base.path if found.base else found.path), longest, settings.max_completion
    )
    check_enough(len(kept), settings.prompts_per_step)
    if isinstance(settings, GrpoSettings):
        check_enough(len(kept), settings.drawn_at_once // settings.generations, "trl.steps_per_generation")
    return [task for task, _ in kept], longest
