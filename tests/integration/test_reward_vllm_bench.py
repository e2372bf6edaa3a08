"""The benchmark on real models runs against a fake server as well, and with both options explains every difference of
the `llm` judge away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def tables(*flags: str) -> list[str]:
    """The comparison of each judge with the reference, as printed."""
    done = subprocess.run(
        [sys.executable, str(_ROOT / "tests" / "bench" / "reward_vllm.py"), "--fake", *flags],
        env=os.environ | {"PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.split("beside the reference")[1:]


def test_with_the_same_decompositions_and_reading_only_the_batched_question_differs() -> None:
    alone, batched = tables("--same-decompositions", "--same-reading")
    assert "other score because" not in alone.partition("\n\n")[0] and "16 of 16 (100%)" in alone
    causes = [line.strip() for line in batched.splitlines() if "other score because" in line]
    assert causes and all("the judge answered otherwise" in line for line in causes)


def test_otherwise_what_is_free_in_ours_is_named_as_a_cause() -> None:
    (alone,) = tables("--judges", "llm")
    causes = [line for line in alone.splitlines() if "other score because" in line]
    assert causes and all("decided for free in ours" in line for line in causes)
