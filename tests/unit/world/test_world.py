"""The world: its problems, the traces of its teachers, and how a text in its words is read."""

from __future__ import annotations

from itertools import permutations
from math import prod
from random import Random

import pytest

from rlkd_data.structure.read import read
from rlkd_data.structure.render import render
from rlkd_data.world.names import STYLES, Style
from rlkd_data.world.problem import Difficulty, Made, Problem, draw
from rlkd_data.world.read import NOTHING, steps
from rlkd_data.world.trace import response, solve
from rlkd_data.world.words import NAMES, heard, say, sentences

FEW = Problem(
    23,
    {"box": 20, "jar": 5, "lamp": 1},
    {"bowl": Made("box", "plus", "jar"), "drum": Made("lamp", "less", "jar"), "vase": Made("bowl", "plus", "drum")},
    ("vase", "box", "drum", "jar", "lamp", "bowl"),
    "vase",
)


def drawn(count: int, difficulty: Difficulty | None = None) -> list[Problem]:
    return [draw(Random(f"0 {number}"), difficulty or Difficulty()) for number in range(count)]


def told(problem: Problem, style: Style) -> str:
    return "\n".join(step.text for step in solve(problem, style, Random(0)))


def recomputed(text: str) -> tuple[int, str]:
    """The weight that a problem asks for and the thing, worked out from its words alone, by another way than ours."""
    said = list(heard(text))
    modulus = next(one.number for one in said if one.kind == "scale")
    weights = {one.thing: one.number for one in said if one.kind == "weighs"}
    first = {one.thing: one.other for one in said if one.kind == "starts"}
    second = {one.thing: (one.other, 1 if one.kind == "adds" else -1) for one in said if one.kind in ("adds", "takes")}
    while len(weights) < len({one.thing for one in said if one.thing}):
        for thing, (other, sign) in second.items():
            if first[thing] in weights and other in weights:
                weights[thing] = (weights[first[thing]] + sign * weights[other]) % modulus
    asked = said[-1].thing
    return weights[asked], asked


def test_a_problem_says_all_that_its_answer_follows_from():
    for problem in drawn(50):
        assert recomputed(problem.text) == (problem.weight(problem.goal), problem.goal)


def test_the_easiest_problems_take_one_step() -> None:
    for problem in drawn(40, Difficulty(needed=(1, 2), distractors=(1, 6))):
        assert 1 <= len(problem.needed()) <= 2


def test_problems_are_as_hard_as_asked():
    hard = Difficulty(needed=(3, 5), distractors=(2, 2), things=11, modulus=7)
    for problem in drawn(50, hard):
        assert 3 <= len(problem.needed()) <= 5
        assert len(problem.made) == len(problem.needed()) + 2
        assert len(problem.stated) <= 11 and problem.modulus == 7
        assert problem.orders() > 1


def test_the_number_of_right_orders_is_that_of_a_count():
    for problem in [FEW, *drawn(12, Difficulty(needed=(3, 5)))]:
        needed = sorted(problem.needed())

        def right(order: tuple[str, ...], problem: Problem = problem) -> bool:
            return all(
                part in problem.given or part in order[:place]
                for place, thing in enumerate(order)
                for part in problem.made[thing].parts
            )

        assert problem.orders() == sum(map(right, permutations(needed)))
    assert FEW.orders() == 2 and prod([]) == 1


@pytest.mark.parametrize("style", STYLES)
def test_a_teacher_is_right_in_every_style(style):
    for problem in drawn(20):
        known = dict(problem.given)
        for step in solve(problem, style, Random(1)):
            thing = next(heard(step.question)).thing
            made = problem.made[thing]
            assert set(made.parts) <= known.keys()  # nothing is worked out before its turn
            known[thing] = next(one.number for one in reversed(list(heard(step.answer))) if one.kind == "makes")
            assert known[thing] == problem.weight(thing)
        assert known.keys() - problem.given.keys() == problem.needed()
        assert response(problem) == rf"The answer is \boxed{{{problem.weight(problem.goal)}}}."


def test_styles_differ_where_there_is_a_choice():
    first, second, upward = (told(FEW, style) for style in ("first", "second", "upward"))
    order = [[one.thing for one in heard(text) if one.kind == "ask"] for text in (first, second, upward)]
    assert order == [["bowl", "drum", "vase"], ["drum", "bowl", "vase"], ["drum", "bowl", "vase"]]
    assert first.startswith("To know the vase, the bowl is needed first. The bowl can be worked out.")
    assert upward.startswith("The drum can be worked out. What does the drum weigh?")
    assert len({told_by(FEW, seed) for seed in range(20)}) == 2  # mixed: by chance


def told_by(problem: Problem, seed: int) -> str:
    return "\n".join(step.text for step in solve(problem, "mixed", Random(seed)))


@pytest.mark.parametrize("style", STYLES)
def test_a_trace_is_read_as_the_steps_that_it_was_made_of(style):
    for problem in drawn(10):
        text = told(problem, style)
        found = steps(text)
        made = list(solve(problem, style, Random(0)))
        assert [(s.meta_reasoning, s.sub_problem, s.answer) for s in found] == [
            (s.meta, s.question, s.answer) for s in made
        ]
        assert [text[s.span_start : s.span_end] for s in found] == [s.text for s in made]
        again = read(render(found, "3"))
        assert [s.answer for s in again.steps] == [s.answer for s in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("No sentence of the world.", []),
        ("The box can be worked out.", [("The box can be worked out.", NOTHING, NOTHING)]),
        ("hm What does the box weigh? That makes 3.", [(NOTHING, "What does the box weigh?", "That makes 3.")]),
        (
            "That makes 3. The box can be worked out. What does the box weigh? What does the jar weigh? Plus 4.",
            [
                (NOTHING, NOTHING, "That makes 3."),
                ("The box can be worked out.", "What does the box weigh?", NOTHING),
                (NOTHING, "What does the jar weigh?", "Plus 4."),
            ],
        ),
        ("The answer is \\boxed{3}.", []),
    ],
)
def test_whatever_a_student_says_is_read(text, found):
    assert [(s.meta_reasoning, s.sub_problem, s.answer) for s in steps(text)] == found


def test_every_sentence_is_one_and_is_heard_as_what_it_says():
    every = sentences(5)
    assert len(set(every)) == len(every)
    for sentence in every:
        (said,) = heard(sentence)
        assert say(said.kind, said.thing or "", said.other or "", said.number or 0) == sentence
    assert sum(one.startswith("To know") for one in every) == len(NAMES) * (len(NAMES) - 1)
