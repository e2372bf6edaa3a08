"""Whole steps by question and answer: the same, another, or after the same with another result."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rlkd_data.config import JudgeSettings
from rlkd_data.judges.base import Pair, Said, attempt_pair, step_pair
from rlkd_data.judges.equal import EqualFirst
from rlkd_data.judges.found import DIFFER, NO_RESULT, conclude_alike
from rlkd_data.judges.llm import LlmJudge
from rlkd_data.judges.llm_batched import LlmBatchedJudge
from rlkd_data.judges.open import open_judge

EGGS = Said("How many eggs does she sell?", "16 - 3 - 4 = 9 eggs")
SALE = Said("How much does she make?", "9 * 2 = $18")


@pytest_asyncio.fixture
async def judge() -> AsyncIterator[EqualFirst]:
    opened = open_judge(JudgeSettings(kind="same_step"))
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    ("teacher", "student", "same", "how"),
    [
        (EGGS, Said("What is left of the eggs for the market?", "9 of them"), True, "answers agree"),
        (EGGS, Said("How many eggs does she sell?", "16 - 3 - 4 = 8 eggs"), False, DIFFER),
        (EGGS, Said("How many eggs does she sell?", "16 - 3 - 4 eggs"), False, NO_RESULT),
        (EGGS, SALE, False, DIFFER),
        (SALE, Said("What is 9 * 2?", "18"), True, "answers agree"),
        (Said("Which pet is Ann's?", "fish"), Said("Which pet is Ann's?", "one of three"), False, "of the answers"),
    ],
)
async def test_steps_are_told_by_question_and_answer(
    judge: EqualFirst, teacher: Said, student: Said, same: bool, how: str
) -> None:
    (verdict,) = await judge.judge([step_pair(teacher, student, "p")])
    assert verdict.match is same and how in verdict.how, verdict


@pytest.mark.parametrize(
    ("student", "after"),
    [
        (Said("How many eggs does she sell?", "16 - 3 - 4 = 8 eggs"), True),
        (Said("What number of eggs goes to market?", "16 - 3 - 4 = 10"), True),
        (SALE, False),
        (Said("How many eggs does she eat?", "5 * 6 = 30"), False),
    ],
)
async def test_a_step_with_another_result_may_be_after_the_same(judge: EqualFirst, student: Said, after: bool) -> None:
    (verdict,) = await judge.judge([attempt_pair(EGGS, student, "p")])
    assert verdict.match is after


@pytest.mark.parametrize(
    ("teacher", "student", "alike"),
    [
        ("14 * 12 = 168 rolls", "14 times 12, that's 140 + 28, so 168", True),
        ("3 + 2 + 1 = 6 outcomes", "Six cases are favourable", True),
        ("6 / 36 = 1/6", "its probability is 1/6", True),
        ("0.2 mol give 0.2 mol", "0.2 mol give 0.4 mol", None),
        ("168 - 9 = 159 rolls", "168 - 9 = 157 rolls", False),
        ("3x - 6 + 4 = 3x - 2", "3x - 2", None),
        ("a set", "the set", None),
    ],
)
def test_answers_conclude_alike_where_each_states_what_the_other_concludes(
    teacher: str, student: str, alike: bool | None
) -> None:
    assert conclude_alike(teacher, student) is alike


async def test_equal_alone_wants_the_words_of_the_question_and_the_number_of_the_answer() -> None:
    judge = open_judge(JudgeSettings(kind="equal"))
    pairs = [step_pair(EGGS, Said(question, "9 eggs"), "p") for question in ("how many eggs does she sell", "what?")]
    verdicts = await judge.judge([*pairs, Pair("meta", "a", "b", "p")])
    await judge.close()
    assert [verdict.match for verdict in verdicts] == [True, False, False]


def test_chat_models_are_asked_about_whole_steps_and_the_other_questions_stay_as_they_were() -> None:
    whole = step_pair(EGGS, SALE, "p")
    text = LlmJudge.request(whole).messages[0].content
    assert "ask for the same thing and arrive at the same answer, however" in text and f"A> {EGGS.answer}" in text
    question = Pair("sub_problem", EGGS.question, SALE.question, "p")
    assert LlmJudge.request(attempt_pair(EGGS, SALE, "p")) == LlmJudge.request(question)
    batched = LlmBatchedJudge.request([whole, question]).messages[0].content
    assert "Pair 1, steps:" in batched and "steps if they ask" in batched
    assert "steps if" not in LlmBatchedJudge.request([question]).messages[0].content
