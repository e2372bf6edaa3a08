"""A ladder of students from the teacher's own steps down to nothing: in sequence they come out in a teacher's order,
and the paper's alignment is told beside it."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from statistics import fmean

import pytest

from rlkd_train.config import StructureSettings
from tests.bench.annotations_reward import WAYS, scores
from tests.support.ladder import ladders

STEPS = (
    ({"same", "merged", "split"}, 0.99),
    ({"reworded", "preface"}, 0.85),
    ({"wrong number", "wrong final"}, 0.80),
    ({"padded"}, 0.70),
    ({"twice", "each step twice"}, 0.60),
    ({"half", "shuffled"}, 0.30),
    ({"plan only", "questions alone"}, 0.20),
    ({"unrelated", "empty"}, 0.0),
)
"""Rungs from the top, with the least of each. The mean of one is nowhere below that of a lower one."""


def means(way: str) -> dict[str, float]:
    found = [asyncio.run(scores(ladder, WAYS[way])) for ladder in ladders()]
    return {name: fmean(one[name] for one in found) for name in found[0]}


def test_in_sequence_students_come_out_in_a_teachers_order() -> None:
    found = means("sequence")
    for (upper, least), (lower, _) in pairwise(STEPS):
        assert min(found[name] for name in upper) >= max(least, *(found[name] for name in lower)), (upper, found)
    assert found["same"] == 1.0 and found["unrelated"] == found["empty"] == 0.0


def test_position_by_position_a_preface_costs_all_and_a_copy_twice_nothing() -> None:
    """What the docs say of the paper's alignment; with the gate that asks for whole steps."""
    found = means("step gate")
    assert found["same"] == found["twice"] == 1.0 and found["preface"] == 0.0
    assert found["merged"] < 0.3 and found["each step twice"] < 0.4
    for nothing in ("plan only", "questions alone"):
        assert found[nothing] < found["half"] < found["wrong number"]
    assert found["reworded"] > 0.7  # the paper's gate with a free judge gives 0: two wordings of one plan


@pytest.mark.parametrize(
    ("settings", "gate"),
    [
        ({}, "step"),
        ({"judge": {"kind": "llm", "model": "openai:m"}}, "meta"),
        ({"align": "sequence"}, "none"),
        ({"align": "sequence", "gate": "step"}, "step"),
        ({"gate": "meta"}, "meta"),
    ],
)
def test_the_gate_asks_for_plans_where_a_chat_model_judges_and_for_steps_elsewhere(
    settings: dict[str, object], gate: str
) -> None:
    made = StructureSettings.model_validate(settings)
    assert made.gate_asked == gate and f"gate {gate}" in made.told


@pytest.mark.parametrize(
    "settings",
    [{"gate": "none"}, {"align": "sequence", "gate": "meta"}, {"align": "sequence", "normalise": "sum"}],
)
def test_settings_that_do_not_go_together_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="sequence"):
        StructureSettings.model_validate(settings)
