"""The processes that verify answers run nothing of the program that verifies, and say why they cannot start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlkd_data.answers.verify import Job, Verdict, Verifier
from rlkd_data.errors import RlkdError
from rlkd_train.problems import Task
from rlkd_train.reward.accuracy import accuracy_of, answer_of, job_of

SCRIPT = """
from rlkd_data.answers.verify import Verifier
print("loaded")
verifier = Verifier(2, 60)
print(verifier.verify("x+\\\\sqrt{2}", "\\\\sqrt{2}+x", "math"))
verifier.close()
"""


def test_a_script_without_a_main_guard_is_not_run_again(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = Path(__file__).resolve().parents[2]
    ran = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=False,
    )
    assert ran.stdout == "loaded\nVerdict(is_correct=True, how='math-verify')\n", ran.stderr


def nothing(job: Job) -> Verdict:
    raise AssertionError


def test_workers_that_cannot_start_say_what_is_wrong() -> None:
    nothing.__module__ = "no_such_module"
    with (
        Verifier(1, 30, grader=nothing) as verifier,
        pytest.raises(RlkdError, match="No module named 'no_such_module'"),
    ):
        verifier.verify("x+1", "\\sqrt{2}", "math")


def test_a_worker_that_was_killed_while_idle_is_replaced() -> None:
    with Verifier(1, 60) as verifier:
        assert verifier.verify("x+\\sqrt{2}", "\\sqrt{2}+x", "math").is_correct
        assert verifier._pool is not None
        (worker,) = verifier._pool._all
        worker._process.kill()
        worker._process.wait()
        assert verifier.verify("x+\\sqrt{3}", "\\sqrt{3}+x", "math").is_correct


TASKS = [
    Task("a", "How much is it?", "1/2", "math"),
    Task("b", "Which is it?\nA. Lyon\nB. Paris", "B", "science"),
    Task("c", "How long does it take?", "2 hours 30 minutes", "math"),
    Task("d", "Solve it.", "x < 4", "math"),
    Task("e", "How far is it?", "5 km", "math"),
]
ENDS = (
    "\\boxed{0.5}", "\\boxed{Paris}", "\\boxed{150 minutes}", "\\boxed{(-\\infty, 4)}", "\\boxed{5000 m}", "\\boxed{",
    "<answer>B</answer>", "The answer is B, not A.", "\\boxed{\\sqrt{1/4}}", "I do not know",
)  # fmt: skip


def test_eval_and_grpo_give_fifty_completions_the_same_verdicts() -> None:
    """Both take their jobs from `job_of`; what GRPO scores is what eval calls right, and a sample's answer is its
    job's."""
    pairs = [(task, f"<think>so</think>\n{end}") for task in TASKS for end in ENDS]
    with Verifier(2, 60) as verifier:
        verdicts = list(verifier.verify_all(job_of(task, text) for task, text in pairs))
    assert len(verdicts) == 50
    for (task, text), verdict in zip(pairs, verdicts, strict=True):
        assert job_of(task, text).answer == answer_of(text) and job_of(task, text).problem == task.problem
        accuracy, unscored = accuracy_of(verdict)
        assert (accuracy is None) == (verdict.is_correct is None) == (unscored is not None)
    right = {
        (task.problem_id, end)
        for (task, _), end, v in zip(pairs, ENDS * len(TASKS), verdicts, strict=True)
        if v.is_correct
    }
    assert right == {
        ("a", ENDS[0]), ("a", ENDS[8]), ("b", ENDS[1]), ("b", ENDS[6]), ("b", ENDS[7]), ("c", ENDS[2]), ("d", ENDS[3]),
    }  # fmt: skip
    assert {v.how for v in verdicts if v.is_correct is None} == {"null: open: units", "null: open: words and none"}
