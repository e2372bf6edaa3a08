"""An answer that the completion does not state is the GSRM's, and earns the student nothing."""

from __future__ import annotations

import pytest

from rlkd_data.schema import Step
from rlkd_data.structure.render import render
from rlkd_train.reward.answerless import AGAIN, INVENTED, answerless
from rlkd_train.reward.scorer import Completion, StructureScorer
from tests.support.scoring_fakes import FakeClient, WordJudge, decomposition


@pytest.mark.parametrize(
    ("answer", "completion", "why"),
    [
        ("16 - 7 = 9 eggs", "How many eggs are left of the 16 when 7 are gone?", INVENTED),
        ("16 - 7 = 9 eggs", "16 less 7 leaves nine.", None),
        ("it is about 5.33", "16 / 3 = 5.3333", None),
        ("50%", "one half of them", None),
        ("The triangle is isosceles", "two sides are equal, so the triangle is isosceles", None),
        ("The triangle is isosceles", "Which kind might this be?", INVENTED),
        ("How many eggs are there now?", "How many eggs are there now?", AGAIN),
        ("yes", "so it is", None),
        ("Yes, correct.", "that is right", None),
        ("P = 2/3", "2 of the 3, so 0.667", None),
        ("P = 2/3", "2 red ones and 3 blue ones", INVENTED),
        ("y = 2x - 5", "the line through these has y = -5 + 2x", None),
        ("(3, -4)", "so it is 3, and down to 7", INVENTED),
        ("所以这个数能被三整除，因为各位数字之和是九的倍数。", "它能被三整除", None),
        ("7", "16 - 7 eggs", INVENTED),
    ],
)
def test_what_counts_as_no_answer(answer: str, completion: str, why: str | None) -> None:
    found = answerless([Step(1, "Count first", "How many eggs are there now?", answer)], completion)
    assert found.get(1) == why


@pytest.mark.parametrize(
    "answer",
    ["2/3", "P = 2/3", "x = 5/2", "y = 2x - 5", "x^2 - 5x + 6", "(3, -4)", "3 + 4i", "3 x 4", "2^10", "4-6 pages",
     "2024-05-17", "a_5 = 2^5 - 1", "$\\frac{2}{3}$", "Because a prime has two divisors."],
)  # fmt: skip
def test_an_answer_that_stands_there_word_for_word_is_no_ones_invention(answer: str) -> None:
    steps = [Step(1, "Count first", "How many eggs are there now?", answer)]
    assert answerless(steps, f"First we look. So we get {answer}. Then on.") == {}


async def test_an_invented_answer_halves_its_step_and_is_told_among_the_verdicts() -> None:
    steps = [Step(1, "m", "q", "a 9"), Step(2, "m", "q", "a 4")]
    client = FakeClient(lambda _: render(steps))
    teachers = {"p1": [decomposition("t1", "p1", ["mqa", "mqa"])]}
    scores = {}
    for grounded in (True, False):
        one = StructureScorer(client, WordJudge(), teachers, max_tokens=64, grounded=grounded)  # type: ignore[arg-type]
        (found,) = await one.score([Completion("p1", "p", "it is 9, then what?")])
        scores[grounded] = found.score
        told = [verdict.how for verdict in found.verdicts if verdict.part == "answer"]
        assert told == (["word", INVENTED] if grounded else ["word", "word"])
    assert scores == {True: 0.75, False: 1.0}
