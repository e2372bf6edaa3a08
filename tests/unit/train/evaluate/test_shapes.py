"""How samples reason, beside whether they are right."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from rlkd_data.schema import Sampling, Step
from rlkd_train.evaluate.samples import Sample
from rlkd_train.evaluate.shapes import by_accuracy, shape_of
from rlkd_train.reward.scorer import Structure

SAID = ("3 * 4 = 12", "Wait, that's wrong.", "3 * 5 = 15", "So the answer is 15.")
STEPS = tuple(Step(n, "Next.", "What now?", said) for n, said in enumerate(SAID, 1))
PLAIN = Sample(
    "p", "", None, "m", Sampling(), "", "15", True, "", 1, False, None, None, datetime(2026, 1, 1, tzinfo=UTC)
)


def test_a_sample_tells_its_steps_where_its_structure_was_scored() -> None:
    told = shape_of(Structure(0.5, steps=STEPS))
    assert told["n_steps"] == 4
    assert told["kinds"] == ("computing", "backtracking", "computing", "concluding")
    assert told["abandoned"] == 0.5
    assert shape_of(Structure(None, unscored="gsrm:timeout", steps=STEPS)) == {
        "steps": STEPS,
        "teacher": None,
        "verdicts": (),
    }


def test_right_and_wrong_samples_are_told_apart_and_unknown_ones_left_out() -> None:
    known = replace(PLAIN, **shape_of(Structure(0.5, steps=STEPS)))
    short = replace(PLAIN, is_correct=False, **shape_of(Structure(0.0, steps=STEPS[:1])))
    found = by_accuracy([known, short, PLAIN, replace(known, is_correct=None)])["steps by accuracy"]
    assert found["right"] == {
        "steps": 4.0, "abandoned": 0.5, "setting_up": 0.0, "planning": 0.0, "computing": 0.5, "checking": 0.0,
        "backtracking": 0.25, "concluding": 0.25,
    }  # fmt: skip
    assert found["wrong"]["steps"] == 1.0 and found["wrong"]["computing"] == 1.0
    assert by_accuracy([PLAIN]) == {}
