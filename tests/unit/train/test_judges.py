"""Judges: what is free and certain, and what a word means."""

from __future__ import annotations

import pytest

from rlkd_train.judges.base import Pair, Verdict
from rlkd_train.judges.embedding import EmbeddingJudge
from rlkd_train.judges.equal import EqualFirst, equal
from rlkd_train.judges.llm import LlmJudge, read_word
from tests.unit.train.scoring_fakes import FakeClient


@pytest.mark.parametrize(
    ("part", "teacher", "student", "match"),
    [
        ("meta", "First, the eggs.", "first the EGGS", True),
        ("meta", "First, the eggs.", "The price.", None),
        ("answer", "16 - 3 - 4 = 9 eggs", "She has 9 left", True),
        ("answer", "It is 1,200.0", "= 1200", True),
        ("answer", "9 * 2 = $18", "9 * 2 = $19", False),
        ("answer", "an isosceles triangle", "a triangle", None),
        ("sub_problem", "What is 2+2?", "What is 2-2?", None),
    ],
)
def test_equal_decides_only_what_is_certain(part: str, teacher: str, student: str, match: bool | None) -> None:
    verdict = equal(Pair(part, teacher, student, "p"))  # type: ignore[arg-type]
    assert (verdict.match if verdict else None) is match


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("yes", True),
        ("Yes.", True),
        ('"YES" because', True),
        ("**No**", False),
        ("no, they differ", False),
        ("not sure", None),
        ("I know", None),
        ("cannot say", None),
        ("nope", None),
        ("yesterday", None),
        ("", None),
        ("42", None),
    ],
)
def test_only_a_whole_first_word_counts(text: str, word: bool | None) -> None:
    assert read_word(text) is word


PAIRS = [Pair("meta", "a b", "c d", "p"), Pair("meta", "a b", "A b", "p"), Pair("meta", "x", "y", "p")]


async def test_the_llm_is_asked_only_what_equal_does_not_settle_and_silence_is_unscored() -> None:
    client = FakeClient(lambda asked: "maybe" if "> x" in asked else "Yes")
    verdicts = await EqualFirst(LlmJudge(client)).judge(PAIRS)  # type: ignore[arg-type]
    assert [v.match for v in verdicts] == [True, True, None]
    assert len(client.asked) == 2
    assert verdicts[2].how == "llm said 'maybe'"
    down = await LlmJudge(FakeClient(lambda _: None)).judge(PAIRS[:1])  # type: ignore[arg-type]
    assert down == [Verdict(None, "llm: server_error")]


async def test_without_a_judge_what_is_not_equal_does_not_match() -> None:
    assert [v.match for v in await EqualFirst(None).judge(PAIRS)] == [False, True, False]


@pytest.mark.model
async def test_the_embedder_tells_the_same_question_from_another() -> None:
    judge = EmbeddingJudge("minilm", 0.7)
    asked = "How many eggs does Janet sell?"
    verdicts = await judge.judge(
        [
            Pair("sub_problem", asked, "What is the number of eggs that Janet sells?", "p"),
            Pair("sub_problem", asked, "How long is the bridge?", "p"),
        ]
    )
    assert [v.match for v in verdicts] == [True, False]
