"""Grades a program by the tests that a source gives, in the sandbox.

Two kinds of tests are read from the gold answer: JSON `{"inputs": […], "outputs": […]}` of standard input and output,
with `fn_name` of arguments and results (as in TACO and APPS), and Python assertions (as in MBPP and HumanEval), a
script or a JSON list of them.
"""

from __future__ import annotations

import ast
import json
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rlkd_data.answers.apart.run import run_apart
from rlkd_data.answers.sandbox import Limits, Ran, SandboxUnavailable, run_python
from rlkd_data.answers.verdict import NO_ANSWER, UNREADABLE

_FENCE = re.compile(r"^[ \t]*```[ \t]*(?P<language>[\w+#.-]*)[^\n]*\n(?P<code>.*?)^[ \t]*```[ \t]*$", re.DOTALL | re.M)
_PYTHON = ("python", "python3", "py")
_NO_PROGRAM = ("bash", "sh", "shell", "text", "txt", "plaintext", "output", "input", "console")
_ASSERTION = re.compile(r"^\s*(?:assert\b|check\()", re.MULTILINE)
_LOOKS_LIKE_PYTHON = re.compile(
    r"^\s*(?:def |class |import |from \w+ import |print\(|for .+:$|while .+:$)", re.MULTILINE
)
_CALLED = re.compile(r"\b(\w+)\s*\(")
_READS_INPUT = re.compile(r"\binput\(|\bstdin\b|\bopen\(0")
_MISSING = re.compile(r"^ModuleNotFoundError: No module named '(?P<name>[^']+)'", re.MULTILINE)
_XCPU = -24
_PATIENCE = 10
"""Seconds on the clock that a busy machine may take beyond the processor time."""
_TOLERANCE = 1e-6

# What graded programs commonly take for granted.
_PRELUDE = "import collections, functools, heapq, itertools, math, re, sys\nfrom typing import *\n"
_CALL = """
import json as _json, sys as _sys
_arguments = _json.loads(_sys.stdin.read())
_function = globals().get({name!r}) or getattr(Solution(), {name!r})
_sys.stdout.write("\\n" + {token!r} + _json.dumps(_function(*_arguments)))
"""


@dataclass(frozen=True, slots=True)
class Graded:
    """`how`: `tests: 12/12 passed`, `tests: 3/12 passed, wrong output`, `unreadable answer`, or `null: …`."""

    is_correct: bool | None
    how: str


@dataclass(frozen=True, slots=True)
class CodeTests:
    """`pairs`: (input, expected output) of a program, or, with `function`, (arguments, expected result) of a function.
    `script`: assertions that run after the program."""

    pairs: Sequence[tuple[Any, Any]] = ()
    function: str | None = None
    script: str | None = None


def read_tests(gold: str) -> CodeTests | None:
    """The tests in a gold answer; None where it holds none that can be read."""
    try:
        found = json.loads(gold)
    except (ValueError, RecursionError):
        return CodeTests(script=gold) if _ASSERTION.search(gold) else None
    if isinstance(found, list) and found and all(isinstance(one, str) and _ASSERTION.search(one) for one in found):
        return CodeTests(script="\n".join(found))
    if not isinstance(found, dict):
        return None
    inputs, outputs = found.get("inputs"), found.get("outputs")
    if not isinstance(inputs, list) or not isinstance(outputs, list) or not inputs or len(inputs) != len(outputs):
        return None
    function = found.get("fn_name")
    return CodeTests(list(zip(inputs, outputs, strict=True)), function if isinstance(function, str) else None)


def python_code(text: str, tests: CodeTests) -> str | None:
    """The program in a response: the last Python code block that can pass the tests by its looks (it defines what they
    call, or reads input), since examples of use often follow it; otherwise the last Python block, or the whole response
    where it is nothing but Python; None where there is none."""
    blocks = [(found["language"].lower(), found["code"]) for found in _FENCE.finditer(text)]
    python = [code for language, code in blocks if language in _PYTHON]
    if not python and all(not language or language in _NO_PROGRAM for language, _ in blocks):
        python = [code for language, code in blocks if not language and _is_python(code)]
    if python:
        return next((code for code in reversed(python) if _wanted(tests).search(code)), python[-1])
    return text if not blocks and _LOOKS_LIKE_PYTHON.search(text) and _is_python(text) else None


def _is_python(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def _wanted(tests: CodeTests) -> re.Pattern[str]:
    if tests.function is None and tests.script is None:
        return _READS_INPUT
    names = {tests.function} if tests.function else set(_CALLED.findall(tests.script or ""))
    return re.compile(
        rf"^[ \t]*(?:def|class)[ ]+(?:{'|'.join(re.escape(name) for name in sorted(names))})\b", re.MULTILINE
    )


def grade_code(
    gold: str,
    answer: str,
    seconds: float,
    total_seconds: float,
    memory: int,
    stopped: Callable[[], bool] = lambda: False,
) -> Graded:
    """Run an answer's program on every test, up to the first that it fails.

    `seconds` of processor time a test (on the clock three times as much and ten seconds more may pass), `total_seconds`
    for all of them, `memory` in bytes. A program that uses its processor time up is wrong; one that is still there when
    the clock's time is over is not judged, since that also depends on the machine. `stopped` ends it at any time.
    """
    tests = read_tests(gold)
    if tests is None:
        return Graded(None, "null: no tests in the gold answer")
    code = python_code(answer, tests)
    if code is None:
        return _without_program(answer)
    wall = 3 * seconds + _PATIENCE
    limits = Limits(cpu_seconds=max(1, round(seconds)), wall_seconds=wall, memory=memory, given_up=stopped)
    until = time.monotonic() + total_seconds
    try:
        if tests.script is not None:
            return _by_script(code, tests.script, limits)
        return _by_pairs(code, tests, limits, until, stopped)
    except SandboxUnavailable as problem:
        return Graded(None, f"null: sandbox unavailable ({problem})")


def _without_program(answer: str) -> Graded:
    """An answer without any code is wrong, as one that cannot be read; code in another language is not judged."""
    if _FENCE.search(answer):
        return Graded(None, "null: no Python program in the answer")
    return Graded(False, UNREADABLE if answer.strip() else NO_ANSWER)


def _by_script(code: str, script: str, limits: Limits) -> Graded:
    """The assertions run in a process of their own: what the program can reach cannot say that they passed."""
    tested = run_apart(code, script, _PRELUDE, limits)
    if tested.passed is None:
        return Graded(None, "null: the tests need more of the program than its results")
    return Graded(True, "tests: all passed") if tested.passed else _failed(tested.ran, "tests: not all passed")


def _by_pairs(code: str, tests: CodeTests, limits: Limits, until: float, stopped: Callable[[], bool]) -> Graded:
    count = len(tests.pairs)
    for number, (given, expected) in enumerate(tests.pairs):
        left = until - time.monotonic()
        if left <= 0 or stopped():
            return Graded(None, f"null: out of time after {number}/{count} tests")
        limits = replace(limits, wall_seconds=min(limits.wall_seconds, left))
        if tests.function is None:
            ran = run_python(_program(code), _text(given).encode("utf-8", "surrogatepass"), limits)
            right = ran.code == 0 and same_output(ran.stdout.decode(errors="replace"), _text(expected))
        else:
            token = secrets.token_hex(16)
            call = _CALL.format(name=tests.function, token=token)
            arguments = given if isinstance(given, list) else [given]
            ran = run_python(f"{_program(code)}\n{call}", json.dumps(arguments).encode(), limits)
            right = ran.code == 0 and _same_result(ran.stdout.decode(errors="replace").rpartition(token), expected)
        if not right:
            return _failed(ran, f"tests: {number}/{count} passed")
    return Graded(True, f"tests: {count}/{count} passed")


def _program(code: str) -> str:
    return code if "from __future__" in code else _PRELUDE + code  # which has to come first


def _failed(ran: Ran, so_far: str) -> Graded:
    errors = ran.stderr.decode(errors="replace")
    if ran.ended == "wall time":
        return Graded(None, "null: no verdict within the time limit")
    if ran.ended in ("too much output", "too much memory"):
        return Graded(False, f"{so_far}, {ran.ended}")
    if ran.code == _XCPU:
        return Graded(False, f"{so_far}, processor time limit")
    if ran.code == 0:
        return Graded(False, f"{so_far}, wrong output")
    if (missing := _MISSING.search(errors)) is not None:
        return Graded(None, f"null: the program needs the module {missing['name'][:40]!r}")
    name = re.match(r"[A-Za-z_.]+(?=:|$)", (errors.strip().splitlines() or [""])[-1])
    return Graded(False, f"{so_far}, {name[0][:40] if name else f'exit status {ran.code}'}")


def _text(value: Any) -> str:
    """A test's text: TACO also has lists of lines."""
    if isinstance(value, list):
        return "\n".join(_text(one) for one in value)
    return value if isinstance(value, str) else json.dumps(value)


def same_output(said: str, expected: str) -> bool:
    """Whether two outputs have the same words, line breaks and spaces aside; decimal numbers within 1e-6."""
    left, right = said.split(), expected.split()
    return len(left) == len(right) and all(map(_same_word, left, right))


def _same_word(left: str, right: str) -> bool:
    if left == right:
        return True
    if "." not in left + right:  # whole numbers are compared as they are written: floats would round them
        return False
    try:
        one, other = float(left), float(right)
    except ValueError:
        return False
    return abs(one - other) <= _TOLERANCE * max(1.0, abs(other))


def _same_result(said: tuple[str, str, str], expected: Any) -> bool:
    _, token, text = said
    try:
        result = json.loads(text) if token else None
    except ValueError:
        return False
    # TACO wraps a result into a list of one
    if not token:
        return False
    return same_value(result, expected) or (isinstance(expected, list) and same_value([result], expected))


def same_value(said: Any, expected: Any) -> bool:
    """Whether two values of JSON are the same: floats within 1e-6, and a boolean is no number."""
    if isinstance(said, bool) or isinstance(expected, bool):
        return said is expected
    if isinstance(said, (int, float)) and isinstance(expected, (int, float)):
        if isinstance(said, int) and isinstance(expected, int):
            return said == expected
        return said == expected or abs(said - expected) <= _TOLERANCE * max(1.0, abs(expected))
    if isinstance(said, list) and isinstance(expected, list):
        return len(said) == len(expected) and all(map(same_value, said, expected))
    if isinstance(said, dict) and isinstance(expected, dict):
        return said.keys() == expected.keys() and all(same_value(said[key], expected[key]) for key in said)
    return bool(said == expected)
