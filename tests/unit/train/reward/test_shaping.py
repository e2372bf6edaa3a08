"""Rewards for length, repetition and script: their formulas at places that can be checked by hand."""

from __future__ import annotations

import pytest

from rlkd_train.reward.shaping import language_score, length_score, overlong_score, repetition_score


@pytest.mark.parametrize(
    ("right", "tokens", "score"),
    [(True, 0, 1.0), (True, 50, 0.75), (True, 100, 0.5), (True, 900, 0.5), (False, 0, -1.0), (False, 100, -0.5)],
)
def test_a_right_answer_gains_by_being_short_a_wrong_one_by_length(right: bool, tokens: int, score: float) -> None:
    assert length_score(right, tokens, 100) == pytest.approx(score)


@pytest.mark.parametrize(("tokens", "score"), [(0, 0.0), (80, 0.0), (90, -0.5), (100, -1.0), (300, -1.0)])
def test_what_is_nearly_too_long_is_punished_softly(tokens: int, score: float) -> None:
    assert overlong_score(tokens, 100, 20) == pytest.approx(score)


@pytest.mark.parametrize(
    ("text", "score"),
    [("", 0.0), ("one two", 0.0), ("one two three four", 0.0), ("a b a b a b", -0.6), ("So so SO so so", -0.75)],
)
def test_phrases_that_come_again(text: str, score: float) -> None:
    assert repetition_score(text, 2) == pytest.approx(score)


@pytest.mark.parametrize(
    ("problem", "text", "score"),
    [
        ("How much is it?", "It is two, π and \\alpha.", 1.0),
        ("How much is it?", "", 1.0),
        ("1 + 1", "it is 两", 2 / 3),
        ("How much?", "所以答案", 0.0),
        ("Сколько?", "Это два, x", 2 / 3),
        ("多少?", "答案是 x = 2", 1.0),
        ("いくつ?", "答えは二", 1.0),
        ("多少?", "это два", 0.0),
    ],
)
def test_the_script_of_the_problem(problem: str, text: str, score: float) -> None:
    assert language_score(problem, text) == pytest.approx(score)
