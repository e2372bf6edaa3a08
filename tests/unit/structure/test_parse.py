"""Text to steps: the spellings that are read, the texts that are refused, and that nothing is guessed or raised."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rlkd_data.schema import Step
from rlkd_data.structure.parse import Parsed, ParseFailure, parse
from rlkd_data.structure.render import render

TWO = (Step(1, "choose a", "what is a?", "a = 2"), Step(2, "then b", "what is b?", "b = 3"))

SNIPPETS = [
    "[Answer 1]: 3",
    "[Meta-reasoning 2]",
    "**[Sub-problem 1]:** x",
    "Final answer: 7",
    "So the final answer is\n- 7.",
    "[Final answer]: 9",
    "```python\n[Answer 1]: code\n```",
    "```",
    "~~~\n[Answer 3]:",
    "\\[Answer 1]: escaped",
    "\\\\[Query 2]",
    "  > - # [sub-think 3]",
    "Answer: 4",
    ": colon",
    "**bold** text",
    "\\[ x = 1 \\]",
]
line_text = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=40)
part = (
    st.lists(st.one_of(st.sampled_from(SNIPPETS), line_text), min_size=1, max_size=6)
    .map(lambda lines: "\n".join(lines).strip())
    .filter(bool)
)
final = part.map(lambda text: "\n".join(line for line in text.split("\n") if line.strip()).strip()).filter(bool)
many_steps = st.lists(st.tuples(part, part, part), min_size=1, max_size=5).map(
    lambda triples: tuple(Step(index, *triple) for index, triple in enumerate(triples, 1))
)


@settings(max_examples=400, deadline=None)
@given(many_steps, st.none() | final)
@example((Step(1, "m", "q", "```\n[Answer 1]: x\n```"),), None)
@example((Step(1, "m", "q", "```\n[Answer 1]: x"), Step(2, "m", "q", "```")), "```")
def test_what_is_rendered_is_parsed_back(steps: tuple[Step, ...], final_answer: str | None) -> None:
    assert parse(render(steps, final_answer)) == Parsed(steps, final_answer)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(SNIPPETS) | st.text(max_size=10)).map("\n".join)))
def test_no_text_makes_it_raise(text: str) -> None:
    result = parse(text)
    if isinstance(result, Parsed):
        assert result.steps
        assert all(s.meta_reasoning and s.sub_problem and s.answer for s in result.steps)
        assert [s.index for s in result.steps] == list(range(1, len(result.steps) + 1))


def test_a_lone_surrogate_is_text() -> None:
    steps = (Step(1, "\ud800", "q", "a"),)
    assert parse(render(steps)) == Parsed(steps, None)


CANONICAL = """[Meta-reasoning 1]: choose a
[Sub-problem 1]: what is a?
[Answer 1]: a = 2

[Meta-reasoning 2]: then b
[Sub-problem 2]: what is b?
[Answer 2]: b = 3

[Final answer]: 5"""


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        (CANONICAL, ()),
        (CANONICAL.replace("\n", "\r\n"), ()),
        (CANONICAL.upper().replace("CHOOSE", "choose"), None),
        ("Sure! Here it is:\n\n" + CANONICAL, ("text_before",)),
        (CANONICAL + "\n\nI hope this helps!", ("text_after",)),
        ("```text\n" + CANONICAL + "\n```", ("unfenced",)),
        (CANONICAL.replace("Meta-", "Meat-"), ("reference_markers",)),
        (CANONICAL.replace("Meta-reasoning", "sub-think").replace("Sub-problem", "Query"), ("reference_markers",)),
        (CANONICAL.replace("]:", "]"), ()),
        (CANONICAL.replace("[", "**[").replace("]:", "]:**"), ()),
        (CANONICAL.replace("[Meta", "### [Meta").replace("[Sub", "- [Sub"), ()),
        (CANONICAL.replace("ing 2]", "ing 7]").replace("em 2]", "em 7]").replace("er 2]", "er 7]"), ("renumbered",)),
        (CANONICAL.replace(" 1]", "]").replace(" 2]", "]"), ("unnumbered",)),
        (CANONICAL.replace("[", "").replace("]", ""), ("unbracketed",)),
        (CANONICAL.replace("[Final answer]: 5", "So the final answer is:\n- 5."), ()),
        (CANONICAL.replace("[Final answer]: 5", "Final answer: 5."), ()),
        (CANONICAL.replace("[Final answer]: 5", "**Final Answer:** 5"), ()),
        (CANONICAL.replace("[Final answer]: 5", "Therefore, the final answer is **5**."), ()),
    ],
)
def test_spellings_that_mean_the_same(text: str, notes: tuple[str, ...] | None) -> None:
    result = parse(text)
    assert isinstance(result, Parsed), result
    steps = [
        (s.meta_reasoning.strip("*").lower(), s.sub_problem.strip("*").lower(), s.answer.strip("*").lower())
        for s in result.steps
    ]
    assert steps == [(s.meta_reasoning, s.sub_problem, s.answer) for s in TWO]
    assert result.final_answer == "5"
    if notes is not None:
        assert result.notes == notes


def test_bold_markers_leave_bold_text_alone() -> None:
    result = parse("**[Meta-reasoning 1]:** **why**\n**[Sub-problem 1]**: _what?_\n[Answer 1]: **2** apples")
    assert isinstance(result, Parsed)
    assert result.steps == (Step(1, "**why**", "_what?_", "**2** apples"),)


def test_look_alikes_in_running_text_and_in_code_are_text() -> None:
    answer = "see [Answer 1]: above\n```\n[Meta-reasoning 2]: no\n[Answer 9]: no\n```\nAnswer: 4"
    result = parse(f"[Meta-reasoning 1]: m\n[Sub-problem 1]: q\n[Answer 1]: {answer}")
    assert isinstance(result, Parsed)
    assert result.steps[0].answer == answer


def test_a_final_sentence_in_the_middle_is_text() -> None:
    text = CANONICAL.replace("a = 2", "a = 2\nFinal answer: maybe 2")
    result = parse(text)
    assert isinstance(result, Parsed)
    assert result.steps[0].answer == "a = 2\nFinal answer: maybe 2"
    assert result.final_answer == "5"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty_text"),
        (" \n\t ", "empty_text"),
        ("The answer is 5.", "no_markers"),
        ("[Final answer]: 5", "no_markers"),
        (CANONICAL.replace("[Sub-problem 1]: what is a?\n", ""), "missing_part"),
        (CANONICAL.replace("[Meta-reasoning 1]: choose a\n", ""), "missing_part"),
        (CANONICAL.replace("[Answer 1]: a = 2", "[Answer 1]: a = 2\n[Answer 1]: a = 3"), "repeated_part"),
        (CANONICAL.replace("what is a?", ""), "empty_part"),
        (CANONICAL.split("[Answer 2]", maxsplit=1)[0], "incomplete_last_step"),
        (CANONICAL.replace("[Answer 1]", "[Answer 2]"), "numbers_disagree"),
        (CANONICAL.replace(" 2]", " 1]"), "numbering_restarts"),
        (CANONICAL.replace("[Final answer]: 5", "") + CANONICAL, "numbering_restarts"),
        (CANONICAL + "\n\n" + CANONICAL.replace(" 1]", " 3]").replace(" 2]", " 4]"), "text_after_final_answer"),
    ],
)
def test_what_cannot_be_read_in_one_way_is_a_failure_with_a_code(text: str, code: str) -> None:
    result = parse(text)
    assert isinstance(result, ParseFailure)
    assert result.code == code
    assert result.detail


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("Each comes twice.\n\nThe above gives 10 in total.", None),
        ("It is 5.\n\nNote that 5 is prime.\n\nSo 7.", None),
        ("Two cases.\n\nIf you have x>0 then y=1.\n\nOtherwise y=2.", None),
        ("Base case holds.\n\nThis completes the induction: it holds for n=5.", None),
        ("x\n---\ny=3", None),
        ("It is 5.\n\nNote that these are all the steps.", "It is 5."),
        ("It is 5.\n\nThis completes the decomposition.", "It is 5."),
        ("It is 5.\n\n---\nI have kept all 3 steps.", "It is 5."),
    ],
)
def test_a_paragraph_of_the_last_answer_that_holds_its_result_is_no_remark(answer: str, kept: str | None) -> None:
    result = parse(CANONICAL.split("[Answer 2]", maxsplit=1)[0] + f"[Answer 2]: {answer}")
    assert isinstance(result, Parsed) and result.steps[1].answer == (kept or answer)


def test_what_stands_under_result_is_the_final_answer() -> None:
    result = parse(CANONICAL.split("[Answer 2]", maxsplit=1)[0] + "[Answer 2]: compute:\n\n**Result**\n\n12 apples")
    assert isinstance(result, Parsed) and result.final_answer == "12 apples"


@pytest.mark.parametrize(
    "piece", ["[Answer 1]: \n", "```python\n", "[" * 50, "- " * 40 + "[", "\\" * 30 + "[Query 1]\n"]
)
def test_a_long_hostile_text_is_read_in_linear_time(piece: str) -> None:
    """Much of it: an algorithm that is not linear would not come back."""
    assert isinstance(parse(piece * (300_000 // len(piece))), ParseFailure)
