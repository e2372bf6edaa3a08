"""Checks that look at where the steps stand: stretches without one, order, two on one place, numbers near."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from rlkd_data.decompose.judge import Case, PieceReply, Rules, judge
from rlkd_data.schema import Step
from rlkd_data.structure.check import check, check_against_trace, duplicates, elsewhere, gives_answer
from rlkd_data.structure.chunk import Piece
from rlkd_data.structure.fits import off_by_one
from rlkd_data.structure.ground import ground
from rlkd_data.structure.names import REJECTING
from rlkd_data.structure.render import render
from rlkd_data.structure.spans import in_line, longest_stretch, order
from tests.support.oracle import FAITHFUL, UNFAITHFUL, decomposed, steps_of

NOUNS = ["apples", "boxes", "carts", "doors", "eggs", "farms", "gates", "hills", "icons"]
NOUNS += ["jars", "kites", "lamps", "maps", "nails", "ovens", "pens", "quilts", "roofs"]
TRACE = "\n\n".join(
    f"Now the {noun} come into it: there are {7 * n + 3} of them in the {noun[:-1]} room. "
    f"Each row of {noun} holds {n + 2}, as the text about the {noun} says, which matters later. "
    f"So the {noun} are worth {(7 * n + 3) * (n + 2)} coins in all."
    for n, noun in enumerate(NOUNS, 11)
)


def codes(steps: Sequence[Step], trace: str = TRACE) -> set[str]:
    found = ground(steps, trace)
    return {*check(found), *check_against_trace(found, trace)}


def placed(*starts: int | None, length: int = 10) -> list[Step]:
    return [
        Step(n, "m", f"q{n}", f"a{n}", start, None if start is None else start + length)
        for n, start in enumerate(starts, 1)
    ]


@pytest.mark.parametrize("kind", FAITHFUL)
@pytest.mark.parametrize("length", [600, 1500, len(TRACE)])
def test_a_faithful_decomposition_is_not_rejected(kind: str, length: int) -> None:
    trace = TRACE[: TRACE.rfind("\n\n", 0, length + 1)] if length < len(TRACE) else TRACE
    assert not codes(steps_of(decomposed(trace, kind)), trace) & REJECTING


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("skips the middle 60 %", "uncovered"),
        ("stops after 30 %", "uncovered"),
        ("reversed", "disordered"),
        ("a number of elsewhere", "number_elsewhere"),
        ("an invented number", "invented_answer"),
        ("a reworded duplicate", "duplicate_steps"),
        ("answer in one meta", "meta_gives_answer"),
        ("answer in half of the metas", "meta_gives_answer"),
        ("questions shifted", "question_elsewhere"),
        ("metas shifted", "meta_elsewhere"),
    ],
)
@pytest.mark.parametrize("base", ["condensed", "coarse"])
def test_an_unfaithful_one_is_told(base: str, kind: str, code: str) -> None:
    made = UNFAITHFUL[kind](decomposed(TRACE, base), TRACE, random.Random(1))
    assert made is not None
    assert code in codes(steps_of(made))


def test_the_longest_stretch_is_a_share_of_the_trace_and_steps_without_a_place_divide_it() -> None:
    assert longest_stretch(placed(0, 90), 100) == 0.8
    assert longest_stretch(placed(50), 100) == 0.5
    assert longest_stretch(placed(0, None, 90), 100) == 0.4
    assert longest_stretch(placed(None, None, 90), 100) == 0.9
    assert longest_stretch([], 100) == 1.0
    assert longest_stretch([], 0) is None


def test_order_is_kendalls_tau() -> None:
    assert order(placed(0, 20, 40)) == 1.0
    assert order(placed(40, 20, 0)) == -1.0
    assert order(placed(0, 40, 20)) == pytest.approx(1 / 3)
    assert order(placed(0, None, 20)) is None
    assert order(placed(0, 20, 20, 40)) == 1.0
    assert in_line([0, 50, 10, None, 20]) == [True, False, True, False, True]


def test_a_small_disorder_is_only_noted() -> None:
    steps = steps_of(decomposed(TRACE, "condensed"))
    swapped = [steps[1], steps[0], *steps[2:]]
    found = codes([Step(n, s.meta_reasoning, s.sub_problem, s.answer) for n, s in enumerate(swapped, 1)])
    assert found == {"out_of_order"}


def test_what_a_trace_says_in_two_places_is_no_duplicate() -> None:
    said = "So the eggs are worth 252 coins in all, as before."
    trace = f"{said}\n\nLet me check that again, with more care, from the start.\n\n{said}"
    steps = ground([Step(1, "m", "What are they worth?", said), Step(2, "m", "What are they worth?", said)], trace)
    assert duplicates(steps) == []
    assert duplicates(ground(steps, said)) == [1]


def test_codes_are_told_step_by_step() -> None:
    steps = [Step(1, "it is 5, so", "q", "2 + 3 = 5"), Step(2, "then", "q2", "4 + 4 = 8", 0, 9)]
    assert gives_answer(steps) == [True, False]
    assert elsewhere(steps, "4 + 4 are" + " and so on" * 40 + " 8") == [False, True]
    assert elsewhere(steps, "4 + 4 is 8") == [False, False]


def test_questions_are_compared_by_a_function_that_is_passed_in() -> None:
    steps = [Step(n, "m", f"q{n}", f"a{n}") for n in range(6)]
    asked: list[tuple[str, str]] = []

    def similar(pairs: Sequence[tuple[str, str]]) -> list[float]:
        asked.extend(pairs)
        return [0.9 if int(question[1]) + 1 == int(answer[1]) else 0.2 for question, answer in pairs]

    assert off_by_one(steps, similar)
    assert ("q0", "a1") in asked
    assert not off_by_one(steps, lambda pairs: [0.5] * len(pairs))
    assert not off_by_one(steps[:4], similar)


def test_a_step_that_two_pieces_have_is_told_once() -> None:
    opening = "Alice brought fruit to market on Monday morning."
    trace = f"{opening}\n\n{TRACE}"
    half = trace.index("Now the jars")
    said = [Step(0, "first", "What did Alice bring?", opening), *steps_of(decomposed(TRACE, "condensed"))]
    steps = tuple(Step(n, s.meta_reasoning, s.sub_problem, s.answer) for n, s in enumerate(said, 1))
    left, right = steps[:10], steps[10:]
    replies = (
        PieceReply(Piece(0, 0, half), render(left), "stop"),
        PieceReply(Piece(half, half, len(trace)), render([left[0], *right]), "stop"),
    )
    rules = Rules("tagged", REJECTING, 0.0)
    found = judge(Case("p", "math", trace, None, None, None, replies), rules)
    assert not found.failures
    assert [step.answer for step in found.steps] == [step.answer for step in steps]
    within = PieceReply(Piece(0, 0, len(trace)), render([*steps[:2], steps[1], *steps[2:]]), "stop")
    found = judge(Case("p", "math", trace, None, None, None, (within,)), rules)
    assert ("duplicate_steps", None, "step 3") in found.failures


def test_a_short_trace_may_have_a_long_stretch_but_not_be_without_any_place() -> None:
    words = [f"w{n}" for n in range(200)]
    text = " ".join(words)[:600]
    first, last = placed(0)[0], placed(560)[0]
    assert "uncovered" not in check_against_trace([first, last][:1] + placed(420), text)  # 410 characters between
    assert "uncovered" in check_against_trace([first, last], text)
    assert "uncovered" in check_against_trace(placed(None), text[:300])
    assert "uncovered" not in check_against_trace(placed(0, 1000, 2000), "x" * 2600)
