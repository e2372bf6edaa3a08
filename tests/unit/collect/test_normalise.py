"""Reasoning told from response, in every form in which models and servers give it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rlkd_data.chat.types import Reply
from rlkd_data.collect.normalise import split_reasoning, split_reply
from rlkd_data.collect.rows import read_reply
from rlkd_data.schema import Problem, Sampling, Usage

WORK, SAID = "Nine and nine make eighteen.", "It is \\boxed{18}."


@pytest.mark.parametrize(
    "text",
    [
        f"<think>\n{WORK}\n</think>\n\n{SAID}",
        f"{WORK}\n</think>\n\n{SAID}",
        f"<thinking>{WORK}</thinking>{SAID}",
        f"[THINK]{WORK}[/THINK]{SAID}",
        f"<seed:think>{WORK}</seed:think>{SAID}",
        f"◁think▷{WORK}◁/think▷{SAID}",
        f"<|begin_of_thought|>{WORK}<|end_of_thought|><|begin_of_solution|>{SAID}<|end_of_solution|>",
        f"<|START_THINKING|>{WORK}<|END_THINKING|>{SAID}",
        f"<|channel|>analysis<|message|>{WORK}<|end|><|start|>assistant<|channel|>final<|message|>{SAID}",
        f"analysis{WORK}assistantfinal{SAID}",
    ],
)
def test_a_thought_in_the_text(text: str) -> None:
    found = split_reasoning(text)
    assert (found.reasoning, found.response, found.open_ended, found.marked) == (WORK, SAID, False, False)


@pytest.mark.parametrize("text", [SAID, f"<think>\n\n</think>\n\n{SAID}", f"<think>{WORK}</think>{SAID}"])
def test_a_thought_apart_from_the_text(text: str) -> None:
    found = split_reasoning(text, WORK)
    assert (found.reasoning, found.response) == (WORK, SAID)


def test_a_tag_that_the_answer_mentions_is_text() -> None:
    mention = f"{SAID} (My thoughts stood in <think> tags.)"
    for found in (split_reasoning(f"<think>{WORK}</think>\n{mention}"), split_reasoning(mention, WORK)):
        assert (found.reasoning, found.response, found.open_ended) == (WORK, mention, False)
    assert split_reasoning("It closes with </think>, as asked.", WORK).response == "It closes with </think>, as asked."


@pytest.mark.parametrize("opening", ["<think>\n\n</think>\n\n", "<think></think>", "</think>\n", ""])
def test_an_empty_thought_leaves_a_plain_chain_of_thought(opening: str) -> None:
    found = split_reply(f"{opening}{WORK}\n\n{SAID}")
    assert (found.reasoning, found.response, found.open_ended) == (f"{WORK}\n\n{SAID}", SAID, False)


def test_redacted_thinking_is_no_text() -> None:
    found = split_reasoning(SAID, "one\n\n[redacted thinking]\n\ntwo")
    assert (found.reasoning, found.redacted) == ("one\n\ntwo", False)
    assert split_reasoning(SAID, "[redacted thinking]").redacted


def draft(text: str, reasoning: str | None = None, finish: Any = "stop") -> str | None:
    problem = Problem("p", "?", "math", "18", "s", None)
    reply = Reply(text, reasoning, finish, Usage(), "m", datetime.now(UTC))
    return read_reply(problem, Sampling(), "openai:m", reply).reason


@pytest.mark.parametrize(
    ("text", "reasoning", "finish", "reason"),
    [
        (SAID, WORK, "stop", None),
        (SAID, WORK, "length", "truncated"),
        (SAID, WORK, "refusal", "refused"),
        (SAID, WORK, "other", "unfinished"),
        ("", WORK, "stop", "no_response"),
        (f"<think>{WORK}</think>", None, "stop", "no_response"),
        (f"<think>{WORK}", None, "stop", "truncated"),
        ("", None, "stop", "no_reasoning"),
        (SAID, "[redacted thinking]", "stop", "redacted"),
        (f"{WORK} [THINK] hm {SAID}", None, "stop", "thought_marks"),
        (f"{SAID}<|channel|>commentary<|message|>", WORK, "stop", "thought_marks"),
    ],
)
def test_what_is_no_whole_reply_is_rejected_by_its_own_reason(
    text: str, reasoning: str | None, finish: str, reason: str | None
) -> None:
    assert draft(text, reasoning, finish) == reason


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ("Two and three.\nThe answer is 5.", "The answer is 5."),
        ("Deux et trois.\nLa réponse est 5.", "Deux et trois.\nLa réponse est 5."),
        ("The answer is 3.\nNo, it is \\boxed{", "The answer is 3.\nNo, it is \\boxed{"),
    ],
)
def test_the_response_of_a_plain_text_is_told_by_the_plainest_forms_alone(text: str, response: str) -> None:
    """It is part of a trace's id, so what else is read as an answer may grow, and this may not."""
    assert split_reasoning(text).response == response
