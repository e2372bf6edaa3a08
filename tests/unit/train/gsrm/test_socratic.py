"""Gold sub-questions to decompositions, and their meta-reasoning by rule."""

import json
import random
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlkd_data.errors import InputError
from rlkd_data.measure.gold import GoldRow, GoldStep, read_row
from rlkd_data.run.resources import resource
from rlkd_data.structure.outcome import numbers
from rlkd_train.config import AugmentSettings
from rlkd_train.gsrm.meta_rules import expression, given_in, goal, meta_line, result
from rlkd_train.gsrm.socratic import gold_steps, solution
from rlkd_train.gsrm.solution_styles import plain, styled

DUCKS = {
    # openai/grade-school-math, test_socratic.jsonl, MIT
    "id": "gsm8k-test-0",
    "problem": "Janet’s ducks lay 16 eggs per day. She eats three for breakfast every morning and bakes muffins for "
    "her friends every day with four. She sells the remainder at the farmers' market daily for $2 per fresh duck "
    "egg. How much in dollars does she make every day at the farmers' market?",
    "answer": "18",
    "steps": [
        {
            "question": "How many eggs does Janet sell?",
            "answer": "Janet sells 16 - 3 - 4 = 9 duck eggs a day.",
            "answer_raw": "Janet sells 16 - 3 - 4 = <<16-3-4=9>>9 duck eggs a day.",
        },
        {
            "question": "How much does Janet make at the farmers' market?",
            "answer": "She makes 9 * 2 = $18 every day at the farmer’s market.",
            "answer_raw": "She makes 9 * 2 = $<<9*2=18>>18 every day at the farmer’s market.",
        },
    ],
    "license": "MIT",
}


def line(question="How many are left?", answer="", raw="", problem="", results=()):
    return meta_line(
        question=question, answer=answer, answer_raw=raw or answer, given=given_in(problem), results=results
    )


def rows():
    with resource("pipelines", "data", "gsm8k_socratic_test.jsonl").open(encoding="utf-8") as file:
        return [read_row(json.loads(text)) for text in file]


def test_a_row_becomes_steps_that_say_where_each_quantity_comes_from():
    steps = gold_steps(read_row(DUCKS))
    assert [step.meta_reasoning for step in steps] == [
        "Subtract the given 3 and 4 from the given 16 to find how many eggs.",
        "Multiply the 9 from step one by the given 2 to find how much Janet make at the farmers' market.",
    ]
    assert [step.sub_problem for step in steps] == [step["question"] for step in DUCKS["steps"]]
    assert [step.index for step in steps] == [1, 2]


def test_the_solution_holds_the_answers_and_not_the_questions():
    text = solution(read_row(DUCKS))
    assert text == "\n".join(step["answer"] for step in DUCKS["steps"])


def test_the_first_steps_do_not_depend_on_the_later_ones():
    row = read_row(DUCKS)
    cut = GoldRow(row.row_id, row.problem, row.answer, row.steps[:1])
    assert gold_steps(cut) == gold_steps(row)[:1]


def test_a_step_without_an_answer_is_left_out():
    record = DUCKS | {"steps": [{"question": "Why?", "answer": " ", "answer_raw": ""}, *DUCKS["steps"]]}
    assert gold_steps(read_row(record)) == gold_steps(read_row(DUCKS))


@pytest.mark.parametrize("record", [{"id": 1}, DUCKS | {"steps": []}, DUCKS | {"steps": [{"question": "Why?"}]}, {}])
def test_a_row_that_is_not_socratic_is_refused_with_its_place(record):
    with pytest.raises(InputError, match=r"^file:3: "):
        read_row(record, "file:3")


@pytest.mark.parametrize(
    ("answer", "raw", "expected"),
    [
        ("3*4=12 and 12+1=13", "3*4=<<3*4=12>>12 and 12+1=<<12+1=13>>13", "12+1"),  # the last of several marks
        ("so 60/15 = 4 containers", "so 60/15 = 4 containers", "60/15"),  # none: from the text
        ("220 employees + 20 employees = 240", "", "220+20"),
        ("$36,000-$1,200 = 34800", "", "36000-1200"),
        ("2 x 2 = 4 eggs", "", "2*2"),
        ("it is 5", "it is <<five=5>>5", None),  # a mark that is no arithmetic
        ("it is 5", "it is <<__import__('os')=5>>5", None),
        ("5 = 5", "<<5/0=5>>5", None),
        ("Let x be the books", "Let x be the books", None),
    ],
)
def test_a_steps_arithmetic_is_found(answer, raw, expected):
    assert expression(answer, raw or answer) == expected


@pytest.mark.parametrize(
    ("problem", "quantity"),
    [("three eggs", 3), ("80,000 people", 80000), ("half of it", "0.5"), ("20% off", "0.8"), ("20% off", "0.2"),
     ("a dozen", 12), ("twice as many", 2), ("3/4 of it", "0.75"), ("$.50 each", "0.5")],
)  # fmt: skip
def test_a_problem_gives_what_it_states(problem, quantity):
    assert Decimal(quantity) in given_in(problem)


def test_a_quantity_that_is_the_result_too_is_not_told():
    told = line(answer="There are 900 / 30 = 30 trays.", problem="900 eggs, 30 each")
    assert told == "Divide the given 900 by a given quantity to find how many are left."
    told = line(answer="8*1 = 8", problem="one", results=[Decimal(8)])
    assert told == "Multiply what step one found by the given 1 to find how many are left."


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("4+5+6=15", "Add the given 4, 5 and 6"),
        ("4*5+6=26", "Multiply and add with the given 4, 5 and 6"),
        ("4*5/10=2", "Multiply the given 4 by the given 5 and divide by the known 10"),
        ("Let x be the books", "Name the unknown with a letter"),
        ("Then 2x + 4 = 20", "Write what is known as an equation"),
        ("Combining like terms, we get 3x = 4", "Combine the like terms of the equation"),
        ("She has 77 cats", "Read the quantity off the problem"),
        ("Blue it is", "Say in words what follows from the problem"),
    ],
)
def test_the_line_names_the_operation(answer, told):
    assert line(answer=answer, problem="4 5 6") == f"{told} to find how many are left."


@pytest.mark.parametrize(
    ("question", "sought"),
    [
        ("How many eggs does Janet sell?", "how many eggs"),
        ("How much did he pay?", "how much he pay"),
        ("What is the total cost of the paint?", "the total cost of the paint"),
        ("If she sells it, how many hours are left?", "how many hours"),
        ("Find it", None),
        ("How many of the 9 eggs?", None),  # would tell the outcome
    ],
)
def test_the_goal_is_told_in_a_few_words(question, sought):
    assert goal(question, frozenset({Decimal(9)})) == sought


@given(st.text(), st.text(), st.text(), st.text())
def test_no_text_makes_a_line_fail(question, answer, raw, problem):
    made = line(question, answer, raw, problem)
    assert made.endswith(".")
    assert "\n" not in meta_line(
        question=" ".join(question.split()), answer=answer, answer_raw=raw, given=given_in(problem), results=[None]
    )


@given(
    st.lists(st.integers(1, 99), min_size=2, max_size=4),
    st.sampled_from("+-*"),
    st.booleans(),
)
def test_a_line_never_holds_the_number_that_its_step_arrives_at(terms, sign, marked):
    left = sign.join(map(str, terms))
    value = eval(left)  # the test's own arithmetic
    answer = f"That is {left} = {value} eggs"
    raw = f"That is {left} = <<{left}={value}>>{value} eggs" if marked else answer
    made = line("How many eggs are there?", answer, raw, f"There are {terms[0]} and {terms[1]}")
    assert Decimal(value) not in numbers(made)


@given(st.integers(0, 10**6))
@settings(max_examples=200)
def test_every_style_keeps_the_text_and_its_steps_together(seed):
    augment = AugmentSettings(cut=0.5, wrong=0.5, layout=1, marks=0.5)
    made = styled(read_row(DUCKS), random.Random(seed), augment)
    at = 0
    for step in made.row.steps[: made.kept]:
        words = step.answer.split()[0]
        at = made.text.index(words, at)
        assert str(result(step.answer, step.answer_raw)) in made.text
    if made.complete:
        assert "cut" not in made.styles
    else:
        assert made.row.steps[-1].answer not in made.text


def test_a_style_depends_on_the_seed_alone():
    augment = AugmentSettings()
    first, second = (styled(read_row(DUCKS), random.Random(5), augment) for _ in range(2))
    assert first == second


def test_a_wrong_result_is_wrong_from_then_on():
    made = styled(read_row(DUCKS), random.Random(1), AugmentSettings(wrong=1, cut=0, layout=0, preamble=0, ending=1))
    steps = gold_steps(made.row)
    assert made.row.answer != "18" or "= 9 duck" not in made.text
    for step in steps:
        assert step.answer in made.text
    if made.row.answer == "18":
        changed = result(made.row.steps[0].answer, made.row.steps[0].answer_raw)
        assert f"the {changed} from step one" in steps[1].meta_reasoning


def test_the_plain_style_is_the_solution():
    row = read_row(DUCKS)
    assert plain(row).text == solution(row)


def test_a_gold_step_keeps_its_marks():
    assert read_row(DUCKS).steps[0] == GoldStep(
        "How many eggs does Janet sell?",
        "Janet sells 16 - 3 - 4 = 9 duck eggs a day.",
        "Janet sells 16 - 3 - 4 = <<16-3-4=9>>9 duck eggs a day.",
    )
