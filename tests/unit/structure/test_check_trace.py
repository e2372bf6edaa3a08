"""The checks of a decomposition beside its trace, each on true and false cases; coverage and order."""

from __future__ import annotations

import time

import pytest

from rlkd_data.schema import Step
from rlkd_data.structure.check import asks_several, check, check_against_trace, in_order
from rlkd_data.structure.ground import coverage, covered, ground, longest_gap, ordered
from rlkd_data.structure.names import CODES, REJECTING

REASONING = (
    "The farm has sixteen hens. Each lays one egg, so there are 16 eggs.\n\n"
    "Half of 16 is 8, which is 50% of them, and 3/4 of 8 is 6.\n\n"
    "Wait, the price rises to $1,250.00 a crate because of the storm in the mountains."
)


def step(index: int, answer: str, question: str = "What is it?") -> Step:
    return Step(index, "It has to be seen.", question, answer)


def codes(*answers: str, reasoning: str = REASONING, problem: str = "", **limits: float) -> tuple[str, ...]:
    steps = ground([step(i, answer) for i, answer in enumerate(answers, 1)], reasoning)
    return check_against_trace(steps, reasoning, problem, **limits)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "is_invented"),
    [
        ("there are 16 eggs", False),
        ("there are 17 eggs", True),  # most of the words are there, the number is not
        ("1250", False),
        ("$1250.0 a crate", False),
        ("a half, 0.5", False),
        ("0.75 of them", False),
        ("16", False),
        ("The weather in the mountains was stormy, so the price of a crate rises", False),
        ("Photosynthesis converts carbon dioxide into glucose", True),
        ("Yes.", False),
        ("C", False),
        ("7 legs, as the problem says", False),
    ],
)
def test_invented_answers(answer: str, is_invented: bool) -> None:
    assert ("invented_answer" in codes(answer, problem="It has 7 legs.")) is is_invented


def test_order() -> None:
    assert "out_of_order" not in codes("there are 16 eggs", "Half of 16 is 8", "the price rises to $1,250.00 a crate")
    assert "out_of_order" in codes("the price rises to $1,250.00 a crate", "there are 16 eggs")
    assert ordered([step(1, "a")]) and ordered([])


LONG = "\n\n".join(f"Part {n} says that {n * 7} of the {n * 11} boxes are full, and so it goes on." for n in range(200))


def test_uncovered() -> None:
    parts = LONG.split("\n\n")
    assert "uncovered" not in codes(*parts[::4], reasoning=LONG)
    assert "uncovered" in codes(*parts[:40], reasoning=LONG)  # ends after a fifth
    assert "uncovered" in codes(*parts[:60], *parts[150:], reasoning=LONG)  # 45 % in a row
    gap = [*parts[:60], *parts[130:]]
    assert "uncovered" not in codes(*gap, reasoning=LONG)
    assert "uncovered" in codes(*gap, reasoning=LONG, stretch=0.3)
    assert "uncovered" in codes(*gap, reasoning=LONG, gap=2000)
    assert "uncovered" in codes(*gap, reasoning=LONG, least_coverage=0.9)


def test_coverage_counts_the_working_that_led_to_a_step_but_no_pages() -> None:
    steps = [Step(1, "m", "q", "a", 50, 100), Step(2, "m", "q", "b", 150, 200), Step(3, "m", "q", "c", 4000, 4100)]
    assert covered(steps, 5000, lead=1000) == [(0, 200), (3000, 4100)]
    assert coverage(steps, 5000, lead=1000) == (200 + 1100) / 5000
    assert longest_gap(steps, 5000, lead=1000) == 2800
    assert coverage([], 10) == 0 and coverage([], 0) is None and longest_gap([], 10) == 10


@pytest.mark.parametrize(
    ("question", "several"),
    [
        ("How many eggs are left?", False),
        ("How many eggs are left? How much are they worth?", True),
        ("How many eggs are left, and what are they worth in dollars?", True),
        ('What does she mean by "Is it so?" in the letter?', False),
        ("How many (is it two?) are left?", False),
        ("Find the value of x", False),
        ("What are the sine and cosine of the angle?", False),
        ("Really??", False),
    ],
)
def test_several_questions(question: str, several: bool) -> None:
    assert asks_several(question) is several
    assert ("several_questions" in check([step(1, "a", question)])) is several


def test_formulas_that_differ_in_a_sign_are_no_duplicates() -> None:
    assert "duplicate_steps" not in check([step(1, "x = -10"), step(2, "x = 10")])
    assert "duplicate_steps" in check([step(1, "x = 10"), step(2, "X = 10.")])


def test_codes_are_told_once_in_a_fixed_order_and_the_defaults_are_codes() -> None:
    assert in_order(["uncovered", "note:x", "numbering", "uncovered"]) == ("numbering", "uncovered", "note:x")
    assert set(CODES) > REJECTING


def test_a_trace_without_end_is_grounded_and_checked_fast() -> None:
    """A bound that only a search of the whole trace for each step can miss."""
    trace = "\n\n".join(f"Wait, line {n} of it says {n * n} and {n + 5}." for n in range(12_000))
    steps = [step(n, f"line {n * 100} of it said {n * n * 10_000} and also {n * 100 + 5}") for n in range(1, 120)]
    began = time.process_time()
    found = ground(steps, trace)
    check_against_trace(found, trace)
    assert time.process_time() - began < 8
    assert sum(one.span_start is not None for one in found) > 100
