"""Programs graded by tests, in the real sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlkd_data.answers import sandbox
from rlkd_data.answers.programs import CodeTests, Graded, grade_code, python_code, read_tests, same_output, same_value

REASON = sandbox.available()
shut_in = pytest.mark.skipif(REASON is not None, reason=f"sandbox unavailable: {REASON}")

REAL = (Path(__file__).parent / "code_response.md").read_text(encoding="utf-8")
STDIN = CodeTests([("1", "1")])
SUMS = json.dumps({"inputs": ["2\n1 2\n", "3\n4 5 6\n"], "outputs": ["3\n", "15"]})
CALLS = json.dumps({"fn_name": "twice", "inputs": [[2], ["ab"]], "outputs": [[4], ["abab"]]})
# Written for the task of the response below.
ASSEMBLER = """
assert assemble(["LOAD 5", "PUSH # keep it", "SWP", "CONTROL 255"]) == [4, 5, 32, 0, 8, 0, 0, 255]
assert assemble(["COND -1", "POP 1"]) == [128, 255, 33, 1]
"""


def fenced(code: str, language: str = "python") -> str:
    return f"Here it is.\n\n```{language}\n{code}\n```\nIt works."


def grade(gold: str, answer: str, seconds: float = 5) -> Graded:
    return grade_code(gold, answer, seconds, 60, 512 << 20)


@shut_in
@pytest.mark.parametrize(
    ("gold", "code", "expected"),
    [
        (SUMS, "input()\nprint(sum(map(int, input().split())))", Graded(True, "tests: 2/2 passed")),
        (SUMS, "input()\nprint(3)", Graded(False, "tests: 1/2 passed, wrong output")),
        (SUMS, "print(undefined)", Graded(False, "tests: 0/2 passed, NameError")),
        (SUMS, "import no_such_module", Graded(None, "null: the program needs the module 'no_such_module'")),
        (SUMS, "from __future__ import annotations\nn = input()\nprint(sum(map(int, input().split())))",
         Graded(True, "tests: 2/2 passed")),
        (CALLS, "def twice(x):\n    print('noise')\n    return x * 2", Graded(True, "tests: 2/2 passed")),
        (CALLS, "class Solution:\n    def twice(self, x: List[int]):\n        return x + x",
         Graded(True, "tests: 2/2 passed")),
        (CALLS, "def twice(x):\n    return 4", Graded(False, "tests: 1/2 passed, wrong output")),
        ("assert f(2) == 4", "def f(x): return x * x", Graded(True, "tests: all passed")),
        ('["assert f(2) == 4", "assert f(3) == 9"]', "def f(x): return 4",
         Graded(False, "tests: not all passed, AssertionError")),
        ("assert f(2) == 4", "import sys\nsys.exit(0)", Graded(False, "tests: not all passed, wrong output")),
        ("assert f(2) == 4", "import os\nos._exit(0)", Graded(False, "tests: not all passed, wrong output")),
    ],
)  # fmt: skip
def test_verdicts(gold: str, code: str, expected: Graded) -> None:
    assert grade(gold, fenced(code)) == expected


@shut_in
def test_an_endless_loop_is_wrong_and_sleep_is_not_judged() -> None:
    assert grade(SUMS, fenced("while True: pass"), 1) == Graded(False, "tests: 0/2 passed, processor time limit")
    graded = grade_code(SUMS, fenced("import time\ntime.sleep(99)"), 5, 2, 512 << 20)
    assert graded == Graded(None, "null: no verdict within the time limit")


@shut_in
def test_all_tests_together_have_a_limit() -> None:
    many = json.dumps({"inputs": ["x"] * 1000, "outputs": ["x"] * 1000})
    graded = grade_code(many, fenced("import time\nprint(input())\ntime.sleep(0.3)"), 5, 1.5, 512 << 20)
    assert graded.is_correct is None
    assert graded.how.startswith("null: ")


def test_without_tests_or_program_there_is_no_verdict() -> None:
    assert grade("42", fenced("print(42)")) == Graded(None, "null: no tests in the gold answer")
    assert grade(SUMS, "I do not know.") == Graded(False, "unreadable answer")
    assert grade(SUMS, "```python\nprint(1") == Graded(False, "unreadable answer")  # cut off
    assert grade(SUMS, " ") == Graded(False, "no answer")
    assert grade(SUMS, fenced("int main() {}", "cpp")).how == "null: no Python program in the answer"


def test_without_a_sandbox_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlkd_data.answers.sandbox.available", lambda: "no namespaces")
    assert grade(SUMS, fenced("print(1)")) == Graded(None, "null: sandbox unavailable (no namespaces)")


def test_the_last_python_block_is_the_program() -> None:
    text = "```python\nfirst\n```\nbetter:\n```python3\nsecond\n```\nrun it:\n```bash\npython x.py\n```"
    assert python_code(text, STDIN) == "second\n"
    assert python_code("x = 1\nprint(x)", STDIN) == "x = 1\nprint(x)"
    assert python_code("def f(:\n", STDIN) is None


def test_an_example_after_the_program_is_not_the_program() -> None:
    text = "```python\nprint(input())\n```\nIn:\n```\n5\n```\n"
    assert python_code(text, STDIN) == "print(input())\n"
    assert python_code("```javascript\nf = x => x\n```\n```\nf(2)\n```\n", STDIN) is None
    assert python_code("```\nprint(input())\n```\n", STDIN) == "print(input())\n"
    text = "```python\ndef f(x): return x\n```\n```python\nprint(f(2))\n```\n"
    assert python_code(text, CodeTests(script="assert f(2) == 2")) == "def f(x): return x\n"
    assert python_code(text, CodeTests(function="f")) == "def f(x): return x\n"


def test_tests_that_cannot_be_read_are_none() -> None:
    for gold in ("", "[]", "{}", '{"inputs": ["1"], "outputs": []}', '{"inputs": [], "outputs": []}', "[1, 2]", "null"):
        assert read_tests(gold) is None


@pytest.mark.parametrize(
    ("said", "expected", "same"),
    [
        ("1 2\n3", "1  2\n3\n", True),
        ("0.3333333333", "0.33333333", True),
        ("0.33", "0.34", False),
        ("10000000000000001", "10000000000000002", False),
        ("1", "1 2", False),
        ("nan", "1.0", False),
        ("YES", "yes", False),
    ],
)
def test_outputs_are_compared_word_by_word(said: str, expected: str, same: bool) -> None:
    assert same_output(said, expected) is same


@shut_in
def test_a_real_response_passes_tests_of_its_task() -> None:
    # The response of the row code-vmassemblersimple2-python-qwen3-14b_ (can-ai-code, MIT), which passed 27 of 27.
    assert grade(ASSEMBLER, REAL).how == "tests: all passed"
    assert grade(ASSEMBLER, REAL.replace("% 256", "")).is_correct is False


@pytest.mark.parametrize(
    ("said", "expected", "same"),
    [
        (0.1 + 0.2, 0.3, True), ([1, [0.1 + 0.2]], [1, [0.3]], True), ({"a": 0.30000000000000004}, {"a": 0.3}, True),
        (0.31, 0.3, False), (1, True, False), ([1], [True], False), (True, True, True), (10**17 + 1, 10**17, False),
        ([1, 2], [1], False), ("0.3", 0.3, False), (1, 1.0, True), (float("inf"), float("inf"), True),
    ],
)  # fmt: skip
def test_results_of_functions_are_compared_value_by_value(said: object, expected: object, same: bool) -> None:
    assert same_value(said, expected) is same
