"""Validators of a decomposition: codes, not prose, so that counts of them mean the same everywhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from rlkd_data.schema import Step

Issue = Literal["no_steps", "numbering", "empty_part", "duplicate_steps", "meta_gives_answer"]
REJECTING: frozenset[str] = frozenset({"no_steps", "numbering", "empty_part"})
"""The codes that make a decomposition unfit for a reward; the others are flags."""
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def check(steps: Sequence[Step], problem: str = "") -> tuple[Issue, ...]:
    """The codes of everything that is wrong with these steps, each once, in a fixed order.

    - no_steps, empty_part, numbering (indices are not 1 … n)
    - duplicate_steps: two steps ask the same and answer the same
    - meta_gives_answer: a step's meta-reasoning states the number that its answer arrives at, where neither the problem
      nor an earlier step has it
    """
    found: list[Issue] = []
    if not steps:
        found.append("no_steps")
    if [step.index for step in steps] != list(range(1, len(steps) + 1)):
        found.append("numbering")
    if any(not part.strip() for step in steps for part in (step.meta_reasoning, step.sub_problem, step.answer)):
        found.append("empty_part")
    seen = [(_plain(step.sub_problem), _plain(step.answer)) for step in steps]
    if len(set(seen)) < len(seen):
        found.append("duplicate_steps")
    known = _numbers(problem)
    for step in steps:
        known |= _numbers(step.sub_problem)
        result = _result(step.answer)
        if result is not None and result not in known and result in _numbers(step.meta_reasoning):
            found.append("meta_gives_answer")
            break
        known |= _numbers(step.answer) | _numbers(step.meta_reasoning)
    return tuple(found)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _numbers(text: str) -> set[str]:
    return {_canonical(number) for number in _NUMBER.findall(text)}


def _canonical(number: str) -> str:
    whole, _, fraction = number.replace(",", "").partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole.lstrip('0') or '0'}.{fraction}" if fraction else whole.lstrip("0") or "0"


def _result(answer: str) -> str | None:
    """The number that an answer arrives at: the first behind its last equals sign, or its last."""
    _, equals, after = answer.rpartition("=")
    found = _NUMBER.findall(after)[:1] if equals else []
    found = found or _NUMBER.findall(answer)[-1:]
    return _canonical(found[0]) if found else None
