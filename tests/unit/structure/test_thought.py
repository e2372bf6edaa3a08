"""A thought at the beginning of a reply is cut off in every form that models write it in."""

from __future__ import annotations

import pytest

from rlkd_data.structure.thought import Cut, cut_thought

PAIRS = [
    ("<think>", "</think>"),
    ("\n<think>\n", "\n</think>\n\n"),
    ("<Thinking>", "</Thinking>"),
    ("<seed:think>", "</seed:think>"),
    ('<think type="long">', "</think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>\n<|begin_of_solution|>"),
    ("<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<unused94>thought\n", "<unused95>"),
    ("<|channel>thought\n", "<channel|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("<|start|>assistant<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("analysis", "assistantfinal"),
]


@pytest.mark.parametrize(("opening", "closing"), PAIRS)
def test_every_form_of_a_thought_is_cut_off(opening: str, closing: str) -> None:
    assert cut_thought(f"{opening}Weigh it.{closing}[Meta-reasoning 1]: m") == Cut(
        "[Meta-reasoning 1]: m", "Weigh it.", "closed"
    )


@pytest.mark.parametrize("closing", ["</think>", "[/THINK]", "◁/think▷", "</seed:think>"])
def test_the_template_may_have_opened_it(closing: str) -> None:
    assert cut_thought(f"Weigh it.\n{closing}\n\nsaid") == Cut("said", "Weigh it.", "template_opened")


@pytest.mark.parametrize("opening", ["<think>", "[THINK]", "<|channel|>analysis<|message|>"])
def test_a_thought_that_never_ends_leaves_no_reply(opening: str) -> None:
    assert cut_thought(f"{opening}Weigh [Answer 1]: it") == Cut("", "Weigh [Answer 1]: it", "unclosed")


def test_a_prompt_that_ended_with_the_tag_makes_a_text_without_one_a_thought() -> None:
    assert cut_thought("Weigh it", opened=True) == Cut("", "Weigh it", "unclosed")
    assert cut_thought("Weigh it</think>said", opened=True) == Cut("said", "Weigh it", "template_opened")


@pytest.mark.parametrize("text", ["", "said", "I put <think> tags around it", "analysis of it", "a <|channel|> b"])
def test_a_text_without_a_thought_stays(text: str) -> None:
    assert cut_thought(text) == Cut(text)


def test_of_several_closing_tags_the_last_ends_it_and_what_is_between_is_told() -> None:
    cut = cut_thought("<think>I close it with </think> at the end.</think>said")
    assert cut.text == "said"
    assert cut.between == "at the end."


def test_an_empty_thought_is_one() -> None:
    assert cut_thought("<think>\n\n</think>\n\nsaid") == Cut("said", "", "closed")


@pytest.mark.parametrize("piece", ["<think>", "</think>", "<|channel|>analysis<|message|>", "<think ", "analysis", " "])
def test_a_long_hostile_text_is_cut_in_linear_time(piece: str) -> None:
    """Megabytes of it: an algorithm that is not linear would not come back."""
    cut_thought(piece * (2_000_000 // len(piece)))
