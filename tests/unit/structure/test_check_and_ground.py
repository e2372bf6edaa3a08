"""Validators and grounding, on true and false cases."""

from __future__ import annotations

import pytest

from rlkd_data.schema import Step
from rlkd_data.structure.check import check
from rlkd_data.structure.ground import find, ground
from rlkd_data.structure.names import REJECTING

GOOD = (
    Step(1, "The eggs that are left must be known first.", "How many eggs are left?", "16 - 3 - 4 = 9 eggs"),
    Step(2, "The 9 eggs and the price give the money.", "How much does she make?", "9 * 2 = $18"),
)
PROBLEM = "Ducks lay 16 eggs; she eats 3, bakes with 4, and sells the rest for $2 each."


def test_good_steps_have_no_issue() -> None:
    assert check(GOOD, PROBLEM) == ()


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ((), "no_steps"),
        ((GOOD[0], Step(3, "m", "q", "a")), "numbering"),
        ((Step(1, "m", "  ", "a"),), "empty_part"),
        ((GOOD[0], Step(2, "again", "how many eggs are LEFT", "16 - 3 - 4 = 9 eggs.")), "duplicate_steps"),
        ((Step(1, "She has 9 eggs left.", "How many are left?", "16 - 3 - 4 = 9"),), "meta_gives_answer"),
        ((Step(1, "It comes to 1,200.0.", "How much?", "3 * 400 = 1200"),), "meta_gives_answer"),
    ],
)
def test_each_code_is_found(steps: tuple[Step, ...], code: str) -> None:
    assert code in check(steps, PROBLEM)


def test_a_number_known_before_the_step_may_be_named() -> None:
    assert check((Step(1, "Start from the 16 eggs.", "How many eggs are laid?", "16 eggs"),), PROBLEM) == ()


def test_flags_do_not_reject() -> None:
    assert "meta_gives_answer" not in REJECTING
    assert {"no_steps", "numbering", "empty_part"} < REJECTING


REASONING = "First, 16 - 3 - 4 = 9 eggs remain. So, she makes 9 * 2 = $18 each day. To check: 9 * 2 = $18 again."


def test_verbatim_answers_are_found_where_they_stand() -> None:
    first, second = ground((Step(1, "m", "q", "16 - 3 - 4 = 9 eggs"), Step(2, "m", "q", "9 * 2 = $18")), REASONING)
    assert (first.span_start, first.span_end) == (7, 26)
    assert REASONING[second.span_start : second.span_end] == "9 * 2 = $18"
    assert second.span_start == REASONING.index("9 * 2")


def test_a_later_step_is_looked_for_behind_the_earlier_one_first() -> None:
    first, second = ground((Step(1, "m", "q", "9 * 2 = $18"), Step(2, "m", "q", "9 * 2 = $18")), REASONING)
    assert first.span_end is not None and second.span_start is not None
    assert second.span_start > first.span_end


def test_a_retyped_answer_is_found_and_an_invented_one_is_not() -> None:
    span = find("16 - 3 - 4 = 9 eggs remained", REASONING)
    assert span is not None and REASONING[slice(*span)].startswith("16 - 3 - 4 = 9")
    assert find("the triangle is isosceles because two angles agree", REASONING) is None
