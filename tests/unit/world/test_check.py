"""Where a trace goes wrong first, held against its problem alone."""

from random import Random

import pytest

from rlkd_data.world.check import again, first_fault, stated
from rlkd_data.world.names import STYLES
from rlkd_data.world.problem import Difficulty, draw
from rlkd_data.world.trace import solve

PROBLEM = (
    "The scale starts again at 35. The jar weighs 30. The box weighs 4. The lamp starts from the jar. The lamp adds "
    "the box. The cart starts from the lamp. The cart takes off the box. What does the cart weigh?"
)
LAMP = (
    "To know the cart, the lamp is needed first. The lamp can be worked out. What does the lamp weigh? The lamp starts "
    "from the jar. The jar weighs 30. Start at 30. The lamp adds the box. The box weighs 4. Plus 4. That makes 34. The "
    "lamp weighs 34."
)
CART = (
    "The cart can be worked out. What does the cart weigh? The cart starts from the lamp. The lamp weighs 34. Start at "
    "34. The cart takes off the box. The box weighs 4. Less 4. That makes 30. The cart weighs 30."
)


@pytest.mark.parametrize("style", STYLES)
def test_a_problem_is_read_back_from_its_text_and_its_own_traces_have_no_fault(style: str) -> None:
    for seed in range(40):
        problem = draw(Random(seed), Difficulty())
        assert stated(problem.text) == problem
        text = " ".join(step.text for step in solve(problem, style, Random(seed)))  # type: ignore[arg-type]
        assert (first_fault(problem, text), again(problem, text)) == ("none", "no")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"{LAMP} {CART}", "none"),
        (LAMP, "unfinished"),
        ("", "unfinished"),
        (CART, "too early"),
        (f"The lamp can be worked out. The lamp weighs 34. {CART}", "asks nothing"),
        (f"{LAMP} The box can be worked out. What does the box weigh? The box weighs 4. {CART}", "not to be made"),
        (f"{LAMP} {CART.replace('lamp weighs 34', 'lamp weighs 33')}", "looked up wrongly"),
        (f"{LAMP.replace('34', '1')} {CART.replace('34', '1')}", "summed wrongly"),
        (f"{LAMP} {CART.replace('The cart weighs 30.', '')}", "summed wrongly"),
    ],
)
def test_the_first_fault_is_named(text: str, fault: str) -> None:
    assert first_fault(stated(PROBLEM), text) == fault


@pytest.mark.parametrize(
    ("first", "second", "how"),
    [("34", "34", "neither"), ("2", "34", "mended"), ("34", "2", "spoiled"), ("1", "2", "neither")],
)
def test_what_is_worked_out_again_mends_or_spoils(first: str, second: str, how: str) -> None:
    text = f"{LAMP.replace('34', first)} {LAMP.replace('34', second)} {CART}"
    assert again(stated(PROBLEM), text) == how


def test_a_text_that_states_no_problem_is_said_to() -> None:
    with pytest.raises(ValueError, match="states no problem of the world"):
        stated("What is 1 + 1?")
