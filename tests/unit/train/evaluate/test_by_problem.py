"""A value a problem of every figure: what counts in it, and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from rlkd_data.schema import Sampling
from rlkd_data.structure.align import Alignment, StepMatch
from rlkd_data.structure.sequence import Block, Matched
from rlkd_train.evaluate.by_problem import values
from rlkd_train.evaluate.figures import figures, headline
from rlkd_train.evaluate.samples import Sample
from rlkd_train.evaluate.shapes import beside_teacher

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAIN = Sample("p", "", "1", "m", Sampling(), "", "1", True, "exact", 10, False, None, None, NOW, verdict="right")


def sample(problem: str, index: int, right: bool | None, how: str = "number", **more: Any) -> Sample:
    return replace(
        PLAIN, problem_id=problem, sampling=Sampling(sample_index=index), is_correct=right, verification=how, **more
    )


def test_a_sample_that_nobody_can_judge_counts_and_a_gold_answer_that_judges_nobody_does_not() -> None:
    samples = [
        sample("p", 0, True),
        sample("p", 1, None, "null: open: units"),
        sample("p", 2, None, "null: no verdict within 10 s"),
        sample("p", 3, False),
        *(sample("q", n, None, "null: no gold answer") for n in range(4)),
        *(sample("r", n, n > 1) for n in range(4)),
    ]
    found = values(samples)
    assert found["pass@1"] == {"p": 1 / 4, "r": 1 / 2} == found["avg@4"]
    assert found["pass@1 at most"] == {"p": 3 / 4, "r": 1 / 2}
    assert found["pass@4"] == {"p": 1.0, "r": 1.0} and found["pass@2"]["p"] == pytest.approx(1 / 2)
    told = figures(samples)
    assert told["pass@1"] == pytest.approx(3 / 8) and told["intervals"]["pass@1"]["problems"] == 2
    assert (told["problems"], told["problems not judged"], told["verified"]) == (3, 1, 6)
    assert told["unjudged"] == {"no gold answer": 4, "open: units": 1, "no verdict within 10 s": 1}


def test_structure_lengths_and_ways_are_means_of_what_is_known() -> None:
    shape = {"kinds": ("planning", "computing"), "abandoned": 0.5, "n_steps": 2, "prefix": 1, "step_precision": 0.5}
    samples = [
        sample("p", 0, True, structure=0.5, path=(1, 2), vote="1", completion_tokens=30, format=1.0, **shape),
        sample("p", 1, True, structure=1.0, path=(1, 3), vote="1", truncated=True, format=0.5),
        sample("p", 2, None, "null: no whole reply (refused: no)", completion_tokens=0, unscored="no whole reply"),
    ]
    found = values(samples)
    assert found["completion tokens"] == {"p": 20.0} and found["truncated"] == {"p": 0.5} == found["format"]
    assert found["structure"] == {"p": 0.75} and found["prefix"] == {"p": 1.0}
    assert found["kind: planning"] == {"p": 0.5} and found["kind: checking"] == {"p": 0.0}
    assert found["distinct answers"] == {"p": 1.0} == found["distinct first steps"] == found["path entropy"]
    assert found["distinct paths"] == {"p": 2.0}
    assert found["branch entropy"]["p"] == pytest.approx(2 * 1.0 / 6)  # one place of five to part, seen twice
    told = figures(samples)
    assert told["median completion tokens"] == 20.0 and told["lost"] == 1 and told["structure unscored"] == 1


def test_a_stage_tells_powers_of_two_and_the_file_the_rest() -> None:
    found = figures([sample("p", n, n == 0) for n in range(12)])
    told = [name for name in headline(found) if name.startswith(("pass@", "cons@", "avg@"))]
    assert told == ["pass@1", "pass@2", "pass@4", "pass@8", "pass@12", "cons@12", "pass@1 at most"]
    assert [f"pass@{k}" in found for k in range(1, 14)] == [True] * 12 + [False]


def test_what_of_the_steps_stands_beside_the_teachers() -> None:
    steps = (
        StepMatch(1, True, True, True, 1.0),
        StepMatch(2, True, False, True, 0.5),
        StepMatch(3, False, None, None, 0),
    )
    stopped = Alignment(steps, n_teacher=4, n_student=5, gate_at=3, unscored=None)
    assert beside_teacher(stopped) == {"prefix": 2, "step_precision": 2 / 5, "step_recall": 2 / 4}
    blocks = (Block((0, 1), (0, 2), 1.0), Block((2, 3), (2, 3), 0.5))
    assert beside_teacher(Matched(blocks, 4, 3)) == {"prefix": 3, "step_precision": 1.0, "step_recall": 2 / 4}
    assert beside_teacher(Matched((), 4, 0)) == {"prefix": 0, "step_precision": 0.0, "step_recall": 0.0}
