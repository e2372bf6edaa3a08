"""A ladder of students, from the teacher's own steps down to nothing, and the ways to a reward for nothing.

A student is what a perfect GSRM makes of its completion. Made of the shipped wordings: the teacher is their first
annotator, a student who words things otherwise their second.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import yaml

from rlkd_data.schema import Decomposition, Step

_SPLIT = {
    "A class of 32 pupils has 5 girls for every 3 boys. A quarter of the girls and half of the boys play chess. "
    "How many play chess?": (
        ("How many of the girls play?", "20 / 4 = 5 girls."),
        ("How many of the boys play?", "12 / 2 = 6 boys."),
        ("How many pupils play chess?", "5 + 6 = 11 pupils."),
    ),
    "How many integers from 1 to 200 are divisible by 6 or by 9?": (
        ("What do the two counts add up to?", "33 + 22 = 55."),
        ("How many integers are divisible by 6 or by 9?", "55 - 11 = 44."),
    ),
}
"""The last step of a problem in several."""


@dataclass(frozen=True)
class Ladder:
    """A problem, its teacher and the students by name; a student's text is what the steps say."""

    problem: str
    teacher: Decomposition
    students: dict[str, tuple[Step, ...]]

    def text(self, name: str) -> str:
        """The completion. What asks or plans only says no answers."""
        steps = self.students[name]
        if name == "plan only":
            return "\n".join(step.meta_reasoning for step in steps)
        if name == "questions alone":
            return "\n".join(step.sub_problem for step in steps)
        return "\n".join(f"{step.meta_reasoning} {step.sub_problem} {step.answer}" for step in steps)


def ladders(least: int = 3) -> Iterator[Ladder]:
    """One for each shipped problem of `least` steps or more whose answers are numbers, not formulas."""
    found = yaml.safe_load((files("rlkd_train") / "evaluate" / "wordings.yaml").read_text(encoding="utf-8"))
    others = {entry["problem"]: found[(n + 1) % len(found)] for n, entry in enumerate(found)}
    for entry in found:
        steps = entry["steps"]
        answers = [answer for step in steps for answer in step["answers"][:2]]
        if len(steps) >= least and all(re.search(r"\d", answer) and "x" not in answer for answer in answers):
            yield _ladder(entry, others[entry["problem"]])


def _ladder(entry: dict[str, Any], other: dict[str, Any]) -> Ladder:
    same, reworded = _worded(entry, 0), _worded(entry, 1)
    wrong = [replace(step, answer=given["wrong"]) for step, given in zip(same, entry["steps"], strict=True)]
    empty = [replace(step, answer=given["open"]) for step, given in zip(same, entry["steps"], strict=True)]
    order = list(range(len(same)))
    while order == sorted(order):
        random.Random(len(entry["problem"])).shuffle(order)
    preface = Step(0, "Let me read the task.", "What is given?", "The task is read and understood.")
    filler = [Step(0, f"A check, {k}.", f"Is {k} equal to {k}?", f"Check {k}: {k} = {k}") for k in (3, 4)]
    merged = Step(
        0, same[0].meta_reasoning, f"{same[0].sub_problem} {same[1].sub_problem}", f"{same[0].answer} {same[1].answer}"
    )
    *first, last = same
    if entry["problem"] in _SPLIT:
        parts = [Step(0, last.meta_reasoning, question, answer) for question, answer in _SPLIT[entry["problem"]]]
    else:
        parts = [last]
    students = {
        "same": same,
        "reworded": reworded,
        "merged": [merged, *same[2:]],
        "split": [*first, *parts],
        "preface": [preface, *same],
        "wrong number": [wrong[0], *same[1:]],
        "wrong final": [*same[:-1], wrong[-1]],
        "padded": [same[0], *filler, *same[1:]],
        "twice": [*same, *same],
        "each step twice": [step for step in same for _ in range(2)],
        "half": same[: len(same) // 2],
        "shuffled": [same[n] for n in order],
        "plan only": [replace(step, answer=step.meta_reasoning) for step in same],
        "questions alone": empty,
        "unrelated": _worded(other, 0),
        "empty": [],
    }
    numbered = {
        name: tuple(replace(step, index=n) for n, step in enumerate(steps, 1)) for name, steps in students.items()
    }
    return Ladder(entry["problem"], _decomposition(entry["problem"], numbered["same"]), numbered)


def _worded(entry: dict[str, Any], who: int) -> list[Step]:
    return [Step(0, s["metas"][who], s["questions"][who], s["answers"][who]) for s in entry["steps"]]


def _decomposition(problem: str, steps: Sequence[Step]) -> Decomposition:
    return Decomposition(
        trace_id="teacher",
        problem_id=problem,
        problem=problem,
        domain="math",
        answer=None,
        annotator="one",
        prompt_id="p",
        steps=tuple(steps),
        final_answer=None,
        status="ok",
        issues=(),
        raw="",
        usage=None,
        cost_usd=None,
        created_at=datetime.now(UTC),
    )
