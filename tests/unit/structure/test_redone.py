"""Steps that are taken again: the last of each stands."""

from rlkd_data.schema import Step
from rlkd_data.structure.redone import last_of_each


def step(index: int, question: str, answer: str) -> Step:
    return Step(index, "Go on.", question, answer, 10 * index, 10 * index + 5)


def test_a_step_that_is_asked_again_is_left_out_and_the_others_are_numbered_anew() -> None:
    steps = [step(1, "How many?", "3"), step(2, "how  many", "4"), step(3, "What is left?", "1"), step(4, "", "1")]
    kept = last_of_each(steps)
    assert [(one.index, one.answer, one.span_start) for one in kept] == [(1, "4", 20), (2, "1", 30), (3, "1", 40)]


def test_steps_that_ask_nothing_stand() -> None:
    steps = [step(1, "", "3"), step(2, "?", "4")]
    assert len(last_of_each(steps)) == 2 and last_of_each([]) == ()
