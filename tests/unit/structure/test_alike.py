"""Passages that say what an answer says, with openings that no trace has, and of several the nearest."""

from __future__ import annotations

import pytest

from rlkd_data.schema import Step
from rlkd_data.structure.alike import passage
from rlkd_data.structure.check import duplicates
from rlkd_data.structure.ground import ground

TRACE = (
    "First the task. Group them as (2 * 3) * (4 * 5), which is 120. That is one way. "
    "Another is 2 * (3 * (4 * 5)), which is 120 too. Wait, maybe I made a mistake here. "
    "Group them as (2 * 3) * (4 * 5), which is 120. So both agree, and the answer is choice H."
)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            "It turns out: Another is 2 * (3 * (4 * 5)), which is 120 too",
            "Another is 2 * (3 * (4 * 5)), which is 120 too",
        ),
        ("We find that maybe I made mistake here.", "maybe I made a mistake here."),
        ("both agree, and the answer is choice H, as was to be shown", "both agree, and the answer is choice H"),
    ],
)
def test_what_the_text_does_not_say_is_left_away(answer: str, said: str) -> None:
    found = passage(answer, TRACE, 75.0)
    assert found is not None
    assert TRACE[found.start : found.end].endswith(said) and found.end - found.start <= len(said) + 6


@pytest.mark.parametrize("answer", ["The harbour froze early that year, and nobody fished.", "It turns out: 120", "ä"])
def test_a_text_that_says_nothing_of_it_has_no_passage(answer: str) -> None:
    assert passage(answer, "The herons left the lake when its water fell, and came back in May.", 75.0) is None


def test_of_passages_that_read_the_same_the_first_is_taken() -> None:
    answer = "One sees that Group them as (2 * 3) * (4 * 5), which is 120."
    found = passage(answer, TRACE, 75.0)
    assert found is not None and TRACE[: found.start].rstrip() == "First the task."


def steps(*answers: str) -> list[Step]:
    return [Step(n, "m", f"q{n}", answer) for n, answer in enumerate(answers, 1)]


def test_steps_keep_pace_with_a_trace_that_repeats_itself() -> None:
    groups = [f"({n} * 3) * (4 * (5 + 1))" for n in (2, 3)]
    trace = "\n\n".join(f"Alternatively, group {one}:\nThat is much as it was before." for one in groups * 20)
    found = ground(steps(*(f"We find that Alternatively, group {one}:" for one in groups * 20)), trace)
    places = [n for n in range(len(trace)) if trace.startswith("Alternatively", n)]
    assert [step.span_start for step in found] == places


def test_a_step_goes_back_where_that_is_much_more_like_it() -> None:
    trace = "The red block stands on the blue one. " + "Nothing moves. " * 9 + "The red box is not on any blue rug."
    found = ground(steps("Nothing moves. Nothing moves.", "So the red block stands on a blue one."), trace)
    assert found[1].span_start is not None and found[1].span_start < 10


def test_what_a_trace_says_twice_two_steps_may_say_in_other_words() -> None:
    said = "One sees that Group them as (2 * 3) * (4 * 5), which is 120."
    again = "It turns out: Another is 2 * (3 * (4 * 5)), which is 120 too."
    twice = ground([*steps(said, again, said)], TRACE)
    assert duplicates(twice, TRACE) == []
    assert duplicates(ground(steps(again, said, again), TRACE), TRACE) == [2]
