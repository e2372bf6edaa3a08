"""Degenerate replies in JSON mode: they are refused after a bounded amount of work, never mended for minutes."""

from __future__ import annotations

import pytest

from rlkd_data.structure.as_json import parse_json
from rlkd_data.structure.parse import Parsed, ParseFailure

STEP = '{"meta_reasoning": "Look at \\frac{1}{2} first", "sub_problem": "How many?", "answer": "It is 4."}'


@pytest.mark.parametrize(
    "text",
    [
        "{" * 40_000 + "}",
        "[{" * 20_000 + "}",
        "{\n" * 200_000 + "}",
        ("{" * 49 + "}" * 49) * 1500,
        '{"steps":' + '["' * 74_000 + "}",
        "{" + '" "' * 100_000 + "}",
        "{/*" * 100_000 + "}",  # an open comment, looked for from each place
        '{"' + '\\"' * 150_000 + "}",
        "{" + "“" * 1_000_000 + "}",
        "{" + "'a' " * 500_000 + "}",
    ],
    ids=lambda text: text[:12],
)
def test_pages_of_brackets_and_quotes_are_given_up(text: str) -> None:
    found = parse_json(text)
    assert isinstance(found, ParseFailure) and found.code in ("broken_json", "incomplete_last_step")


@pytest.mark.parametrize(
    "text",
    [
        "{}" * 500_000,
        '{"a":1},' * 200_000,
        "[" + '{"a":1},' * 200_000 + "{}]",
        '{"steps":[' + "1," * 500_000 + "1]}",
        "{" + ",".join(f'"k{n}":1' for n in range(100_000)) + "}",
    ],
    ids=lambda text: text[:12],
)
def test_whole_json_of_more_than_a_decomposition_holds_is_given_up(text: str) -> None:
    found = parse_json(text)
    assert isinstance(found, ParseFailure) and found.code == "wrong_shape"


def test_a_decomposition_of_any_length_is_read_where_it_is_whole() -> None:
    found = parse_json('{"steps": [' + ",".join([STEP.replace("\\frac", "frac")] * 4_000) + '], "final_answer": null}')
    assert isinstance(found, Parsed) and len(found.steps) == 4_000 and not found.notes


def test_a_long_decomposition_that_is_broken_a_little_is_mended_still() -> None:
    found = parse_json('{"steps": [' + ",".join([STEP] * 800) + ",]}")
    assert isinstance(found, Parsed) and len(found.steps) == 800 and "repaired_json" in found.notes
