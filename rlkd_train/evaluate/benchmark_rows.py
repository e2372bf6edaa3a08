"""A benchmark's record, in its own columns, to a problem and its gold answer. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import math
import pickletools
import random
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from rlkd_train.evaluate.benchmarks import Benchmark

Record = Mapping[str, Any]
_LARGEST = 1 << 28
"""Bytes of a problem's tests, unpacked."""


class NoProblem(ValueError):
    """A record that holds no problem; says which column is to blame."""


def read_row(benchmark: Benchmark, record: Record, seed: int) -> tuple[str, str]:
    """(problem, gold answer). Options are lines under the problem, and the answer is a letter; those of a set that has
    no order of its own are put into one by `seed` and the problem's text, so that it is the same whatever else is read.
    Raises NoProblem."""
    problem = _text(record, _column(record, benchmark.problem, ("problem", "question")))
    if benchmark.reader == "tests":
        return _with_starter(problem, record), _tests(record, benchmark.answer)
    if benchmark.reader == "shuffled":
        right = _text(record, benchmark.answer)
        options = [right, *(_text(record, column) for column in benchmark.options)]
        random.Random(f"{seed} {problem}").shuffle(options)
        return _with_options(problem, options), _letter(options.index(right))
    if benchmark.reader == "lettered":
        options = [str(option).strip() for option in _list(record, benchmark.options[0])]
        letter = _text(record, benchmark.answer).upper()
        if letter not in [_letter(number) for number in range(len(options))]:
            raise NoProblem(f"{benchmark.answer} is {letter!r}, which is none of {len(options)} options")
        return _with_options(problem, options), letter
    if benchmark.reader == "several":
        answers = [str(answer).strip().strip("$") for answer in _list(record, benchmark.answer)]
        return problem, ", ".join(answers)
    answer = _text(record, _column(record, benchmark.answer, ("answer", "final_answer")))
    return problem, answer.rpartition("####")[2].strip() if benchmark.reader == "hashes" else answer


def _with_options(problem: str, options: Sequence[str]) -> str:
    return "\n".join([problem, "", *(f"{_letter(number)}. {option}" for number, option in enumerate(options))])


def _letter(number: int) -> str:
    return chr(ord("A") + number)


def _column(record: Record, own: str, usual: Sequence[str]) -> str:
    """The set's own column, or where a copy has none of that name, one that is called as such columns mostly are."""
    return own if own in record else next((name for name in usual if name in record), own)


def _text(record: Record, column: str) -> str:
    value = record.get(column)
    if isinstance(value, float):
        value = (f"{value:.0f}" if value.is_integer() else str(value)) if math.isfinite(value) else None
    elif isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise NoProblem(f"its column {column!r} holds no text (columns: {', '.join(sorted(record))})")
    return value.strip()


def _list(record: Record, column: str) -> Sequence[Any]:
    value = record.get(column)
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise NoProblem(f"its column {column!r} holds no list (columns: {', '.join(sorted(record))})")
    return value


def _with_starter(problem: str, record: Record) -> str:
    """LiveCodeBench's instruction: complete the code that is given, or read the input and print."""
    starter = record.get("starter_code")
    if isinstance(starter, str) and starter.strip():
        return f"{problem}\n\nWrite Python that completes this code:\n```python\n{starter.rstrip()}\n```"
    return f"{problem}\n\nWrite a Python program that reads the input from stdin and prints the answer to stdout."


def _tests(record: Record, column: str) -> str:
    """The public and the hidden tests of a LiveCodeBench problem as a gold answer (`answers.programs`)."""
    cases = [*_cases(record.get("public_test_cases")), *_cases(record.get(column))]
    if not cases:
        raise NoProblem(f"its column {column!r} holds no tests")
    try:
        inputs = [case["input"] for case in cases]
        outputs = [case["output"] for case in cases]
        metadata = json.loads(record.get("metadata") or "{}")
        name = metadata.get("func_name")
        if name is None:
            return json.dumps({"inputs": inputs, "outputs": outputs})
        arguments = [[json.loads(line) for line in str(given).splitlines() if line.strip()] for given in inputs]
        results = [json.loads(result) for result in outputs]
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        raise NoProblem(f"its tests cannot be read ({type(problem).__name__})") from None
    return json.dumps({"fn_name": name, "inputs": arguments, "outputs": results})


def _cases(value: Any) -> list[Any]:
    if not isinstance(value, str) or not value:
        return []
    try:
        found = json.loads(value)
    except ValueError:
        found = _packed(value)
    return found if isinstance(found, list) else []


def _packed(value: str) -> Any:
    """Hidden tests: JSON text, pickled, compressed, in base64. What is pickled is one text, which is looked for among
    the pickle's parts: none of them is ever loaded."""
    try:
        raw = zlib.decompressobj().decompress(base64.b64decode(value, validate=True), _LARGEST)
        texts = [argument for _, argument, _ in pickletools.genops(raw) if isinstance(argument, str)]
        return json.loads(texts[0])
    except (binascii.Error, zlib.error, ValueError, IndexError, RecursionError) as problem:
        raise NoProblem(f"its hidden tests cannot be read ({type(problem).__name__})") from None
