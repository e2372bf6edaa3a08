"""Assertions of another process, against programs that cheat and programs that are unusual but right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlkd_data.answers import sandbox
from rlkd_data.answers.programs import grade_code

REASON = sandbox.available()
pytestmark = pytest.mark.skipif(REASON is not None, reason=f"sandbox unavailable: {REASON}")

CASES = [json.loads(line) for line in (Path(__file__).parent / "assertion_cases.jsonl").read_text("utf-8").splitlines()]


def how(tests: str, code: str) -> tuple[bool | None, str]:
    graded = grade_code(tests, f"```python\n{code}\n```", 5, 60, 512 << 20)
    return graded.is_correct, graded.how


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['verdict']}: {case['tests'][:40]}")
def test_the_verdict_is_right_whatever_the_program_tries(case: dict[str, str]) -> None:
    """False: the program is wrong, and reads files, guesses its way out, or gives objects that equal everything. True:
    it is right, with objects, callbacks, generators. None: only the program could vouch for it."""
    assert how(case["tests"], case["code"])[0] is case["verdict"], how(case["tests"], case["code"])


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def f(x):\n    while True: pass", "tests: not all passed, processor time limit"),
        ("def f(x): return y", "tests: not all passed, NameError"),
        ("x = ]", "tests: not all passed, SyntaxError"),
        ("def f(x):\n    while True: print('x' * 99999)", "tests: not all passed, too much output"),
    ],
)
def test_why_a_program_failed(code: str, said: str) -> None:
    assert how("assert f(2) == 4", code) == (False, said)
