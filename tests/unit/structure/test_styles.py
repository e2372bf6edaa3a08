"""Replies in the styles of annotators: each is read right or refused, none is read wrong."""

from __future__ import annotations

import pytest

from rlkd_data.schema import Step
from rlkd_data.structure.as_json import parse_json
from rlkd_data.structure.parse import Parsed, ParseFailure, parse
from tests.support.styles import ENDINGS, PLAIN, READABLE, UNSAFE

CODE = "Use a set:\n```python\nseen = set()\n# Step 2\nreturn [x for x in xs if x not in seen]\n```\nThis keeps order."
STEPS = {
    "sums": (
        Step(1, "The parts come first.", "How many eggs in six days?", "6 * 12 = 72 eggs."),
        Step(2, "Sunday differs.", "How many on Sunday?", "$12 + 3 = 15$, so 15."),
        Step(3, "Both make the week.", "How many in a week?", "72 + 15 = 87 eggs."),
    ),
    "code": (
        Step(1, "Duplicates call for a set.", "How are duplicates dropped?", CODE),
        Step(2, "The empty list is left.", "What comes for an empty list?", "An empty list: the loop does not run."),
    ),
    "formulas": (
        Step(1, "Squaring removes the root.", "Which polynomial?", "We get\n\\[ x^2 + x - 6 = 0 \\]\nso $a=1$."),
        Step(2, "It factors.", "What are the roots?", "$x=-3$ or $x=2$."),
        Step(3, "Both must be put back.", "Which one solves it?", "$\\sqrt{9}=3$; so 2."),
    ),
}
FLAT = {
    "all_one_line",
    "one_line",
    "one_line_bold",
    "whole_line_bold",
    "quoted",
    "table",
    "table_bare",
    "breaks_at_ends",
}
"""Styles that a text of several lines cannot be written in."""


def read(style: str, text: str) -> Parsed | ParseFailure:
    return parse_json(text) if style.startswith("json") else parse(text)


def told(found: Parsed) -> list[tuple[str, str, str]]:
    return [(step.meta_reasoning, step.sub_problem, step.answer) for step in found.steps]


@pytest.mark.parametrize("which", STEPS)
@pytest.mark.parametrize("style", READABLE)
def test_a_style_that_a_person_reads_is_read(style: str, which: str) -> None:
    steps = STEPS["sums"] if style in FLAT else STEPS[which]
    ending = "87" if style.startswith("json") else "[Final answer]: 87"
    found = read(style, READABLE[style](steps, ending))
    assert isinstance(found, Parsed), found
    assert told(found) == [(s.meta_reasoning, s.sub_problem, s.answer) for s in steps]
    assert found.final_answer == "87"


@pytest.mark.parametrize("which", STEPS)
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("style", ["canonical", "bold_plain", "headings", "step_headings", "plain_unnumbered", "fence"])
def test_every_way_to_end_is_read(style: str, ending: str, which: str) -> None:
    found = parse(READABLE[style](STEPS[which], ENDINGS[ending]("87")))
    assert isinstance(found, Parsed), found
    assert told(found) == [(s.meta_reasoning, s.sub_problem, s.answer) for s in STEPS[which]]
    assert found.final_answer in ("87", "$\\boxed{87}$")


@pytest.mark.parametrize("which", STEPS)
@pytest.mark.parametrize("style", UNSAFE)
def test_a_style_that_can_be_read_in_two_ways_is_refused(style: str, which: str) -> None:
    found = read(style, UNSAFE[style](STEPS[which], "87" if style.startswith("json") else "[Final answer]: 87"))
    assert isinstance(found, ParseFailure), found
    assert found.detail


OUTER = "```\n[Meta-reasoning 1]: m\n[Sub-problem 1]: q\n[Answer 1]: a\n{inner}\nb\n\n" + PLAIN(
    STEPS["sums"][:1], ""
).replace(" 1]", " 2]")


@pytest.mark.parametrize("inner", ["```python\nx = 1\n```", "```\nx = 1\n```", "~~~\nx = 1\n~~~"])
def test_a_block_inside_the_fence_of_the_whole_is_code(inner: str) -> None:
    found = parse(OUTER.format(inner=inner) + "\n```")
    assert isinstance(found, Parsed), found
    assert found.steps[0].answer == f"a\n{inner}\nb"
    assert found.steps[1].answer == "6 * 12 = 72 eggs."
    assert "unfenced" in found.notes


def test_a_block_that_is_never_closed_swallows_no_step() -> None:
    """The numbers tell: with the fences taken at their word, step 2 would be code."""
    steps = [
        "[Meta-reasoning 1]: m\n[Sub-problem 1]: q\n[Answer 1]: do\n```python\nx = 1",
        "[Meta-reasoning 2]: m\n[Sub-problem 2]: q\n[Answer 2]: do\n```\nx = 2\n```",
        "[Meta-reasoning 3]: m\n[Sub-problem 3]: q\n[Answer 3]: a",
    ]
    found = parse("\n\n".join(steps))
    assert isinstance(found, Parsed), found
    assert [step.index for step in found.steps] == [1, 2, 3]
    unnumbered = "\n\n".join(steps)
    for number in "123":
        unnumbered = unnumbered.replace(f" {number}]", "]")
    found = parse(unnumbered)
    assert isinstance(found, ParseFailure)
    assert found.code == "two_readings"
