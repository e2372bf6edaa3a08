"""An answer without the result that the teacher's arrives at is none, whatever its words."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from rlkd_data.config import JudgeSettings
from rlkd_data.judges.base import Pair, Said, Verdict, step_pair
from rlkd_data.judges.found import NO_RESULT, FoundFirst, finds_nothing, says_again
from rlkd_data.judges.open import open_judge
from rlkd_data.structure.number_words import spoken


@pytest.mark.parametrize(
    ("teacher", "student", "nothing"),
    [
        ("She is paid for 45 - 40 = 5 hours overtime", "She is paid for 45 - 40 hours overtime", True),
        ("It takes 2 / 2 = 1 bolt", "It takes 2 / 2 bolt", True),
        ("He drove 4 - 2 = 2 hours", "He drove 4 - 2 hours", True),
        ("She paid $140 - $14 = $126 each month", "She paid $140 - $14 each month", True),
        ("16 - 3 - 4 = 9 eggs", "How many eggs are left?", True),
        ("220", "Is it 220?", True),
        ("9", "The eggs that remain after breakfast", True),
        ("5 hours", "300 minutes", False),
        ("9 eggs", "She has nine left", False),
        ("$18", "eighteen dollars", False),
        ("25", "twenty-five of them", False),
        ("1,000,000", "1 million", False),
        ("1000000", "2 million", False),  # another number, which `equal` tells
        ("5.33", "about 5.3", False),
        ("50%", "half of them", False),
        ("1/3", "0.333", False),
        ("3/2 hours", "1.5 hours", False),
        ("-5", "a loss of 5", False),
        ("0", "none are left", False),
        ("an isosceles triangle", "a triangle", False),
        ("x - (y + 2) = 0", "x = y + 2", False),
        ("Is it even?", "Is it odd?", False),
    ],
)
def test_a_result_that_stands_nowhere_is_missed_and_another_wording_is_not(
    teacher: str, student: str, nothing: bool
) -> None:
    assert finds_nothing(teacher, student) is nothing


SELF = (
    "(3, -4)", "The score was 4-2.", "3 x 4", "2024-05-17", "1/2 + 1/3", "a_5 = 2^5 - 1", "between 4-6", "2^10", "5!",
    "4/2", "x = 3 * 5", "6 * 10^23", "3 + 4i", "12.5%", "-5", "3:30", "y = 2x - 5", "$1,200 - $200", "a dozen", "1,2,3",
)  # fmt: skip


@pytest.mark.parametrize("answer", SELF)
async def test_an_answer_has_its_own_result(answer: str) -> None:
    assert finds_nothing(answer, answer) is False
    assert finds_nothing(f"So it is {answer}", f"We get {answer}") is False
    whole = step_pair(Said("What is it?", answer), Said("How much is that?", answer), "p")
    assert [verdict.how for verdict in await FoundFirst(Asked()).judge([whole])] == ["asked"]


@pytest.mark.parametrize(
    ("question", "answer", "again"),
    [
        ("How many eggs are left after lunch?", "How many eggs are left after lunch", True),
        ("How many eggs are left?", "9 eggs are left", False),
        ("Is seven a prime number?", "Seven is a prime number", False),
        ("z", "z", False),
    ],
)
def test_a_question_said_again_is_no_answer(question: str, answer: str, again: bool) -> None:
    assert says_again(question, answer) is again


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("three hundred and two", [302]),
        ("two thousand three hundred forty-one", [2341]),
        ("one, two and three", [1, 2, 3]),
        ("1.5 million and a dozen", [1_500_000, 12]),
        ("nothing is there", [0]),
        ("the horse", []),
    ],
)
def test_number_words_are_read(text: str, values: list[int]) -> None:
    assert spoken(text) == frozenset(map(Decimal, values))


class Asked:
    whole = True

    def __init__(self) -> None:
        self.pairs: list[Pair] = []

    async def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        self.pairs += pairs
        return [Verdict(True, "asked")] * len(pairs)

    async def close(self) -> None: ...


async def test_a_model_is_asked_only_about_answers_that_find_something() -> None:
    inner = Asked()
    judge = FoundFirst(inner)
    pairs = [Pair("answer", "9 eggs", text, "p") for text in ("the eggs", "about nine", "7 + 2 eggs")]
    verdicts = await judge.judge([*pairs, Pair("sub_problem", "9 eggs", "the eggs", "p")])
    assert [v.match for v in verdicts] == [False, True, False, True]
    assert verdicts[0] == Verdict(False, NO_RESULT, free=True)
    assert [pair.student for pair in inner.pairs] == ["about nine", "the eggs"]
    assert judge.whole


async def test_the_embedder_no_longer_takes_a_calculation_for_its_result() -> None:
    judge = open_judge(JudgeSettings(kind="embedding"))
    texts = ("She is paid for 45 - 40 hours overtime.", "She is paid for five hours overtime.")
    verdicts = await judge.judge([Pair("answer", "She is paid for 45 - 40 = 5 hours overtime.", t, "") for t in texts])
    await judge.close()
    assert [verdict.match for verdict in verdicts] == [False, True]
