"""Reasoning, response and final answer of texts as models write them, and of hostile ones."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlkd_data.answers.final import answer_of_reply, choice_letter, final_answer, last_boxed
from rlkd_data.collect.normalise import split_reasoning

ROWS = Path(__file__).parents[2] / "data" / "collect"


@pytest.mark.parametrize(
    ("text", "reasoning", "response", "open_ended"),
    [
        ("<think>a</think>b", "a", "b", False),
        ("<think>\na\n</think>\n\nb", "a", "b", False),
        ("a</think>b", "a", "b", False),  # the template had opened it
        ("<think>a", "a", "", True),
        ("<think>a</think>b<think>c", "a", "b<think>c", False),
        ("<think>a<think>b</think>c</think>d", "abc", "d", False),
        ("<think>a</think>b<think>c</think>d", "abc", "d", False),
        ("<THINK>a</Think>b", "a", "b", False),
        ("<thinking>a</thinking>b", "a", "b", False),
        ("<think></think>b", "", "b", False),
        ("<think>the tag </think> closes</think>b", "the tag  closes", "b", False),
        ("<|begin_of_thought|>a<|end_of_thought|><|begin_of_solution|>b<|end_of_solution|>", "a", "b", False),
        ("Two and two.\nThe answer is 4.", "Two and two.\nThe answer is 4.", "The answer is 4.", False),
        ("No more.", "No more.", "No more.", False),
        ("", "", "", False),
    ],
)
def test_splitting(text, reasoning, response, open_ended):
    parts = split_reasoning(text)
    assert (parts.reasoning, parts.response, parts.open_ended) == (reasoning, response, open_ended)


@pytest.mark.parametrize(
    ("text", "separate", "reasoning", "response"),
    [
        ("b", "a", "a", "b"),
        ("<think>a</think>b", "a", "a", "b"),  # a server that gives both
        ("</think>\n\nb", "a", "a", "b"),
        ("", "<think>a</think>", "a", ""),
        ("<think>a</think>b", " \n", "a", "b"),
    ],
)
def test_what_the_server_gave_apart_is_the_reasoning(text, separate, reasoning, response):
    parts = split_reasoning(text, separate)
    assert (parts.reasoning, parts.response, parts.open_ended) == (reasoning, response, False)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"It is \boxed{\frac{1}{2}}, not \boxed{\frac{1}{3}}.", r"\frac{1}{3}"),
        (r"\boxed{a \boxed{b}}", r"a \boxed{b}"),
        (r"\\boxed{5}", "5"),
        ("You can eat \boxed{48} grams", "48"),
        (r"\boxed{} and the answer is 7", "7"),
        (r"\boxed{unclosed and the answer is 7", "7"),
        ("so\n#### 72", "72"),
        ("#### 72\nQ: another", "72"),
        ("#### Case 2: Ana is third\nShe is not.\n\nAnswer: Eve", "Eve"),
        ("### **Final Answer:**\n\nAnswer: Dan", "Dan"),
        ("**Final Answer**\n\n42", "42"),
        ("The final answer is $\\frac{1}{2}$.", r"\frac{1}{2}"),
        ("The answer is 3.5. I hope it is right.", "3.5"),
        ("**Answer:** 12 apples", "12 apples"),
        ("The answer: **B**", "B"),
        ("It must be Paris.\n\nB", "B"),
        ("40", "40"),
        ("**1,000**", "1,000"),
        ("<answer>\n40\n</answer>", "40"),
        ("<answer>\\boxed{7}</answer>", "7"),
        ("<answer>40", None),
        ("<answer>40</answer> is wrong; <answer>41</answer>", "41"),
        ("The numbers are \\boxed{3} and \\boxed{5}.", "3, 5"),
        ("$\\boxed{1}$, $\\boxed{2}$, and $\\boxed{3}$", "1, 2, 3"),
        ("x = \\boxed{3}, y = \\boxed{5}", "3, 5"),
        ("\\boxed{3} … wait, \\boxed{5}", "5"),
        ("\\boxed{1} no no no no no \\boxed{2}", "2"),
        ("\\boxed{5}\n\n**Final Answer**\n\\boxed{5}", "5"),
        ("Thus $x=\\boxed{4}$ so the sum is $\\boxed{9}$", "9"),
        ("So \\boxed{41}? No: a second one fell too, the answer is \\boxed{40", None),
        ("So \\boxed{41}. Wait, \\boxed{}", None),
        ("\\boxed{12}. Hmm, that is wrong. The answer is 14.", "14"),
        ("The answer is (B), not (A).", "(B)"),
        ("The correct option is B) Paris.", "B) Paris"),
        ("The answer is B because A is wrong.", "B"),
        ("答案是 B。不是 A。", "B"),
        ("因此，答案为 \\boxed{42}。", "42"),
        ("最终答案：42", "42"),
        ("It has 5 apples and 3", None),
        ("I do not know", None),
        ("", None),
        ("The answer is", None),
    ],
)
def test_final_answers(text, answer):
    assert final_answer(text) == answer


@pytest.mark.parametrize(
    ("response", "reasoning", "cut", "answer"),
    [
        ("The answer is 4.", "It was \\boxed{3}", False, "4"),
        ("So it is.", "It was \\boxed{3}", False, "3"),
        ("It is \\boxed{40", "It was \\boxed{41}", False, None),
        ("", "the answer is 5. Wait,", True, None),
        ("", "so \\boxed{5}. Let me see", True, "5"),
        ("", "so \\boxed{5}. Or \\boxed{", True, None),
    ],
)
def test_the_reasoning_answers_only_for_a_silent_response(
    response: str, reasoning: str, cut: bool, answer: str | None
) -> None:
    assert answer_of_reply(response, reasoning, cut=cut) == answer


def test_real_traces_give_the_answer_that_their_source_read():
    for line in (ROWS / "traces_logic.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        assert final_answer(row["response"]) == row["predicted"]


_PIECES = st.sampled_from(
    [
        "<think>",
        "</think>",
        "\\boxed{",
        "}",
        "{",
        "answer is",
        "Final Answer\n",
        "####",
        "\\",
        "\b",
        "*",
        "$",
        "\n",
        " ",
        "B",
        "7",
        "é",
    ]
)
_TEXTS = st.one_of(st.text(), st.lists(_PIECES, max_size=60).map("".join))


@given(_TEXTS, st.one_of(st.none(), _TEXTS))
def test_no_text_breaks_it_and_no_tag_is_left(text, separate):
    parts = split_reasoning(text, separate)
    assert "<think>" not in parts.reasoning  # behind the thought a tag is text
    assert all(part == part.strip() for part in (parts.reasoning, parts.response))
    answer = final_answer(text)
    assert answer is None or answer.strip() == answer != ""
    assert last_boxed(text) is None or "boxed" in text or "oxed" in text or "fbox" in text
    choice_letter(text)


@given(st.text(alphabet="abc 123\n"), st.text(alphabet="xyz 456\n"))
def test_what_was_joined_is_split(reasoning, response):
    parts = split_reasoning(f"<think>{reasoning}</think>{response}")
    assert (parts.reasoning, parts.response) == (reasoning.strip(), response.strip())


@pytest.mark.parametrize(
    "unit",
    [
        "<think>",
        "</think>",
        "\\boxed{",
        "\\",
        "{",
        "}",
        "final answer*",
        "answer: \n",
        "#### ",
        "*",
        " ",
        "$",
        "1",
        "(",
        "\n",
    ],
)
@settings(deadline=None)
@given(st.sampled_from(["", "final answer", "answer:", "#### 1", "\\boxed{"]))
def test_long_runs_take_linear_time(unit, before):
    """A quadratic reading of 200,000 characters would take minutes; the bound leaves a slow machine its time."""
    text = before + unit * (200_000 // len(unit))
    start = time.process_time()
    split_reasoning(text)
    final_answer(text)
    choice_letter(text[:1000])
    assert time.process_time() - start < 20
