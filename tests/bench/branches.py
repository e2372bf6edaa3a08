"""How well `branches` finds which steps of a problem's traces are one: precision and recall of pairs of steps.

    python -m tests.bench.branches

The traces are the wordings of thirteen problems (rlkd_train/evaluate/wordings.yaml), three annotators each, and a
fourth trace that arrives at another number in the middle. Two steps of two traces are one where they are the same step
of the problem, and the way to them was. The ceiling is 1, and as many exact trees as problems.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from importlib.resources import files
from itertools import combinations
from typing import Any

import yaml

from rlkd_data.config import JudgeSettings
from rlkd_data.judges.open import open_judge
from rlkd_data.judges.steps import StepJudge
from rlkd_data.measure.branches import Problem, tree
from rlkd_data.schema import Step
from rlkd_data.structure.names import WholeName

WAYS: dict[str, tuple[str, tuple[WholeName, ...]]] = {
    "sub-problems, embedding (before)": ("embedding", ("sub_problem",)),
    "question and answer, same_step (default)": ("same_step", ("step",)),
}
Passages = frozenset[tuple[tuple[str, int], tuple[str, int]]]


def traces(steps: Sequence[Mapping[str, Any]]) -> tuple[dict[str, tuple[Step, ...]], int]:
    """The traces by name, and the number (from 1) of the step at which the fourth goes wrong."""
    told = {
        f"annotator {who}": tuple(
            Step(n, s["metas"][who], s["questions"][who], s["answers"][who]) for n, s in enumerate(steps, 1)
        )
        for who in range(len(steps[0]["answers"]))
    }
    at = (len(steps) + 1) // 2
    first = told["annotator 0"]
    wrong = Step(at, first[at - 1].meta_reasoning, first[at - 1].sub_problem, steps[at - 1]["wrong"])
    return told | {"wrong": (*first[: at - 1], wrong, *first[at:])}, at


def wanted(names: Sequence[str], count: int, at: int) -> Passages:
    last = {name: at - 1 if name == "wrong" else count for name in names}
    return frozenset(
        ((one, step), (other, step))
        for one, other in combinations(sorted(names), 2)
        for step in range(1, min(last[one], last[other]) + 1)
    )


async def measure(kind: Any, same: tuple[WholeName, ...]) -> tuple[int, int, int, int, int]:
    judge = open_judge(JudgeSettings(kind=kind))
    right = found_all = wanted_all = exact = problems = 0
    for entry in yaml.safe_load((files("rlkd_train") / "evaluate" / "wordings.yaml").read_text("utf-8")):
        told, at = traces(entry["steps"])
        problem = Problem(entry["problem"], entry["problem"], "math", told)
        nodes = await tree(StepJudge(judge, same), problem)
        found = frozenset(pair for node in nodes for pair in combinations(sorted(node.traces), 2))
        gold = wanted(list(told), len(entry["steps"]), at)
        right, found_all, wanted_all = right + len(found & gold), found_all + len(found), wanted_all + len(gold)
        exact, problems = exact + (found == gold), problems + 1
    await judge.close()
    return right, found_all, wanted_all, exact, problems


def main() -> None:
    for name, (kind, same) in WAYS.items():
        right, found, gold, exact, problems = asyncio.run(measure(kind, same))
        print(
            f"{name}: precision {right / max(1, found):.2f}, recall {right / gold:.2f} of {gold} pairs; "
            f"{exact} of {problems} trees exact"
        )


if __name__ == "__main__":
    main()
