"""The labelled pairs that rlkd ships: steps of thirteen problems as three annotators word them (`wordings.yaml`).

Two wordings of one step match, in every part. Wordings of neighbouring steps of a problem do not: that is what a judge
is asked to tell apart, and what is hard. An answer with another result, or without any, is not the answer, and a step
that has it is another step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import combinations, pairwise
from typing import Any

from rlkd_data.structure.names import WholeName

_TEXTS: tuple[tuple[WholeName, str], ...] = (("meta", "metas"), ("sub_problem", "questions"), ("answer", "answers"))


@dataclass(frozen=True, slots=True)
class Labelled:
    """A pair and whether it matches; of whole steps, `a` and `b` are the questions, and the answers stand apart."""

    part: WholeName
    a: str
    b: str
    problem: str
    label: bool
    answer_a: str | None = None
    answer_b: str | None = None


@cache
def shipped() -> tuple[Labelled, ...]:
    """Every pair, 200 or more of each part, about half of which match."""
    import yaml

    text = (files("rlkd_train") / "evaluate" / "wordings.yaml").read_text(encoding="utf-8")
    found: list[Labelled] = []
    for entry in yaml.safe_load(text):
        found += _pairs(entry["problem"], entry["steps"])
    return tuple(found)


def _pairs(problem: str, steps: list[dict[str, Any]]) -> Iterator[Labelled]:
    for step in steps:
        count = len(step["answers"])
        for one, other in combinations(range(count), 2):
            yield from _parts(problem, step, one, step, other, True)
        for text, who in ((step["wrong"], 0), (step["wrong"], 1), (step["open"], 2)):
            yield Labelled("answer", step["answers"][who], text, problem, False)
            other = (who + 1) % count
            yield _step(problem, step["questions"][who], step["answers"][who], step["questions"][other], text, False)
    for left, right in pairwise(steps):
        for one, other in combinations(range(len(left["answers"])), 2):
            yield from _parts(problem, left, one, right, other, False)
    for left, right in zip(steps, steps[2:], strict=False):
        for part, texts in _TEXTS[:2]:
            for one, other in combinations(range(len(left[texts])), 2):
                yield Labelled(part, left[texts][one], right[texts][other], problem, False)


def _parts(
    problem: str, left: dict[str, Any], one: int, right: dict[str, Any], other: int, label: bool
) -> Iterator[Labelled]:
    """The pair in every part. The answers of two steps are compared only where they are one step's: two steps may well
    come to the same number."""
    for part, texts in _TEXTS:
        if label or part != "answer":
            yield Labelled(part, left[texts][one], right[texts][other], problem, label)
    sides = (left["questions"][one], left["answers"][one]), (right["questions"][other], right["answers"][other])
    yield _step(problem, *sides[0], *sides[1], label)


def _step(problem: str, question_a: str, answer_a: str, question_b: str, answer_b: str, label: bool) -> Labelled:
    return Labelled("step", question_a, question_b, problem, label, answer_a, answer_b)
