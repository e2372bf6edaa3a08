"""The processes that verify answers run nothing of the program that verifies, and say why they cannot start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlkd_data.answers.verify import Job, Verdict, Verifier
from rlkd_data.errors import RlkdError

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
