"""Whether a completion's answer is right: for GRPO, `rescore` and `eval` alike.

What can be judged and what cannot is said in `rlkd_data.answers.verdict`."""

from __future__ import annotations

from rlkd_data.answers.final import answer_of_reply
from rlkd_data.answers.verdict import NOT_JUDGED, Job, Verdict
from rlkd_data.answers.verify import Verifier
from rlkd_data.collect.normalise import split_reasoning
from rlkd_data.config import GradingSettings
from rlkd_train.problems import Task


def open_verifier(settings: GradingSettings) -> Verifier:
    """What judges answers in this stage, as its settings say."""
    return Verifier(timeout=settings.verify_timeout, code=settings.code_runs())


def job_of(task: Task, text: str) -> Job:
    """What there is to verify of a completion: its final answer, or of code what it wrote behind its reasoning, which
    holds the program."""
    answer = split_reasoning(text).response if task.domain == "code" else answer_of(text)
    return Job(task.answer, answer, task.domain, task.problem)


def answer_of(text: str) -> str | None:
    """The final answer of a completion: of its response, or where that makes no attempt at one, of its reasoning."""
    parts = split_reasoning(text)
    return answer_of_reply(parts.response, parts.reasoning, cut=parts.open_ended)


def accuracy_of(verdict: Verdict) -> tuple[float | None, str | None]:
    """(accuracy, or why the completion cannot be scored).

    Without a gold answer that can be judged, the whole group has no accuracy, which favours nobody: no reason to leave
    a completion out.
    """
    if verdict.is_correct is not None:
        return float(verdict.is_correct), None
    if verdict.how in NOT_JUDGED:
        return None, None
    return None, f"accuracy:{verdict.how.removeprefix('null: ')}"
