"""The ways that a model's samples take through a problem: the steps of all its samples merged into one tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rlkd_data.config import JudgeSettings
from rlkd_data.judges.open import open_judge
from rlkd_data.judges.steps import StepJudge
from rlkd_data.measure.branches import Problem, tree
from rlkd_data.run.together import together
from rlkd_data.schema import Step
from rlkd_train.evaluate.by_problem import by_problem
from rlkd_train.evaluate.samples import Sample

Key = tuple[str, int]
"""A sample: its problem and its number among that problem's."""


async def paths(
    settings: JudgeSettings, samples: Sequence[Sample], steps: Mapping[Key, Sequence[Step]], out: Path
) -> tuple[dict[Key, tuple[int, ...]], int]:
    """(for each sample in `steps` the node of each of its steps in the tree of its problem, pairs of steps about which
    no verdict came and which count as different). The tree is that of `rlkd-data branches`, and does not depend on the
    samples' order. Raises ModelError where the judge did not answer."""
    judge = open_judge(settings, out)
    questions = StepJudge(judge)
    problems = [
        Problem(name, group[0].problem, "math", traces)
        for name, group in by_problem(samples).items()
        if (traces := _traces(group, steps))
    ]
    try:
        trees = await together(tree(questions, problem) for problem in problems)
    finally:
        await judge.close()
    found: dict[Key, tuple[int, ...]] = dict.fromkeys(steps, ())
    for problem, nodes in zip(problems, trees, strict=True):
        for node in nodes:  # a node comes after its parent
            for name, _ in node.traces:
                key = (problem.problem_id, int(name))
                found[key] = (*found[key], node.node)
    return found, questions.unjudged


def _traces(group: Sequence[Sample], steps: Mapping[Key, Sequence[Step]]) -> dict[str, tuple[Step, ...]]:
    """The steps of a problem's samples, by a name that sorts as they were drawn."""
    keys = [(one.problem_id, one.sampling.sample_index) for one in group]
    return {f"{key[1]:09d}": tuple(steps[key]) for key in keys if steps.get(key)}
