"""Programs graded by tests, in the real sandbox."""

from __future__ import annotations

import json

import pytest

from rlkd_data.collect import sandbox
from rlkd_data.collect.code import CodeTests, Graded, grade_code, python_code, read_tests, same_output

REASON = sandbox.available()
shut_in = pytest.mark.skipif(REASON is not None, reason=f"sandbox unavailable: {REASON}")

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
    assert grade(SUMS, fenced("import time\ntime.sleep(99)"), 1) == Graded(
        None, "null: no verdict within the time limit"
    )


@shut_in
def test_all_tests_together_have_a_limit() -> None:
    many = json.dumps({"inputs": ["x"] * 1000, "outputs": ["x"] * 1000})
    graded = grade_code(many, fenced("import time\nprint(input())\ntime.sleep(0.3)"), 5, 1.5, 512 << 20)
    assert graded.is_correct is None
    assert graded.how.startswith("null: ")


def test_without_tests_or_program_there_is_no_verdict() -> None:
    assert grade("42", fenced("print(42)")) == Graded(None, "null: no tests in the gold answer")
    assert grade(SUMS, "I do not know.") == Graded(None, "null: no Python program in the answer")
    assert grade(SUMS, fenced("int main() {}", "cpp")).how == "null: no Python program in the answer"


def test_without_a_sandbox_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlkd_data.collect.sandbox.available", lambda: "no namespaces")
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


REAL = r"""
Here's the Python function `assemble(program)` that compiles a list of assembly-like lines into a list of 8-bit unsigned integer (uint8) bytes representing VM CPU instructions, based on the provided opcode mappings and rules.

---

### ✅ **Function Specification**

- **Input**: `program` – a list of strings, where each string is a line of program text.
- **Output**: A list of integers, each representing a single byte (0–255), in the form of `[command_byte, argument_byte]` for each instruction.

Each line is of the form:
```
OPCODE [argument] [# comment]
```

- `OPCODE` is one of the predefined instructions.
- `argument` is optional and can be a number (positive or negative).
- `# comment` is optional and is ignored.

---

### 📦 **Opcode to Command Byte Mapping**

| Opcode   | Command Byte |
|----------|--------------|
| CONTROL  | 0            |
| COND     | 128          |
| LOAD     | 4            |
| SWP      | 8            |
| PUSH     | 32           |
| POP      | 33           |

---

### 🧮 **Argument Handling**

- If no argument is provided, use `0`.
- If an argument is given, it is parsed as an integer.
- Negative values are converted to their 8-bit unsigned equivalent using two's complement:
  ```python
  (value + 256) % 256
  ```

---

### ✅ **Code Implementation**

```python
def assemble(program):
    opcode_map = {
        'CONTROL': 0,
        'COND': 128,
        'LOAD': 4,
        'SWP': 8,
        'PUSH': 32,
        'POP': 33,
    }

    result = []

    for line in program:
        # Split line into instruction part and comment
        if '#' in line:
            instruction_part = line.split('#', 1)[0]
        else:
            instruction_part = line

        # Split instruction part into tokens
        tokens = instruction_part.strip().split()

        if not tokens:
            continue  # skip empty lines

        opcode = tokens[0]
        argument_str = tokens[1] if len(tokens) > 1 else None

        # Map opcode to command byte
        command_byte = opcode_map[opcode]

        # Parse argument
        if argument_str is not None:
            argument = int(argument_str)
        else:
            argument = 0

        # Convert to uint8 (0–255)
        argument_byte = (argument + 256) % 256

        # Append bytes to result
        result.append(command_byte)
        result.append(argument_byte)

    return result
```

---

### 📌 **Example Usage**

```python
program = [
    "LOAD 5 # Load 5 into R0",
    "PUSH # Push R0 to stack",
    "COND -1 # Skip next instruction if R0 <= 255",
    "CONTROL 255 # Terminate program"
]

compiled = assemble(program)
print(compiled)
```

**Output:**
```
[4, 5, 32, 0, 128, 255, 0, 255]
```

---

### 🧪 **Test Case Explanation**

- `"LOAD 5"` → `[4, 5]`
- `"PUSH"` → `[32, 0]`
- `"COND -1"` → `[128, 255]`
- `"CONTROL 255"` → `[0, 255]`

This function correctly handles all required cases: parsing, argument handling, and conversion to 8-bit unsigned bytes.
"""
