"""Verdicts on real pairs of answers, on multiple choice and puzzles, and with graders that hang or crash."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from pathlib import Path

import pytest

from rlkd_data.answers import sandbox
from rlkd_data.answers.final import final_answer
from rlkd_data.answers.verdict import NOT_JUDGED, NoEngine, decide
from rlkd_data.answers.verify import CodeRuns, Job, Verdict, Verifier, quick
from rlkd_data.schema import Domain

FLOOR = 84
PAIRS = [json.loads(line) for line in (Path(__file__).parent / "answer_pairs.jsonl").read_text("utf-8").splitlines()]
CHOICE = "Which is the capital of France?\n\nA. Lyon\nB. $\\frac{1}{2}$\nC. Paris\nD. 7"


def hang(job: Job) -> Verdict:
    if job.answer == "h+x":
        while True:
            time.sleep(60)
    if job.answer == "c+x":
        os.abort()
    return Verdict(job.answer == "x+1", "math-verify")


def test_real_pairs_are_judged_as_they_are_labelled() -> None:
    """The pairs are from the tests of public graders; `FLOOR` of them were judged as labelled when this was written,
    and no two unequal answers as equal."""
    jobs = [
        Job(pair["answer_a"], final_answer(pair["answer_b"]) or pair["answer_b"],
            "science" if pair["kind"] == "choice_letter" else "math")
        for pair in PAIRS
    ]  # fmt: skip
    with Verifier(2, 30) as verifier:
        verdicts = [verdict.is_correct for verdict in verifier.verify_all(jobs)]
    judged = Counter((pair["equivalent"], verdict) for pair, verdict in zip(PAIRS, verdicts, strict=True))
    assert judged[False, True] == 0
    assert judged[True, True] + judged[False, False] >= FLOOR


def test_a_grader_that_never_returns_costs_one_worker_and_one_verdict() -> None:
    answers = ["x+1", "h+x", "c+x", "x+1", "2+x"]
    with Verifier(2, 3, grader=hang) as verifier:
        verdicts = list(verifier.verify_all(Job("1+x", answer, "math") for answer in answers))
    assert verdicts == [
        Verdict(True, "math-verify"),
        Verdict(None, "null: no verdict within 3 s"),
        Verdict(None, "null: the grader crashed"),
        Verdict(True, "math-verify"),
        Verdict(False, "math-verify"),
    ]


@pytest.mark.parametrize(
    ("gold", "answer", "expected"),
    [
        ("C", "C", Verdict(True, "exact")),
        ("C", "(C)", Verdict(True, "option")),
        ("C", "Paris", Verdict(True, "option")),
        ("C", "C. Paris", Verdict(True, "option")),
        ("C", "\\text{paris}.", Verdict(True, "option")),
        ("C", "Lyon", Verdict(False, "option")),
        ("C", "A", Verdict(False, "option")),
        ("C", "A. Paris", Verdict(False, "letter")),
        ("Paris", "C", Verdict(True, "option")),
        ("Paris", "**D**", Verdict(False, "option")),
        ("D", "7", Verdict(True, "option")),
        ("D", "7.0", Verdict(True, "number")),
        ("B", "0.5", Verdict(True, "number")),
        ("C", "Rome", Verdict(False, "words")),
    ],
)
def test_an_answer_may_be_the_letter_or_the_text(gold: str, answer: str, expected: Verdict) -> None:
    with Verifier(1, 30) as verifier:
        assert verifier.verify_all([Job(gold, answer, "science", CHOICE)]).__next__() == expected


@pytest.mark.parametrize("answer", ["exothermic", "5", "\\frac{1}{2}", "The reaction releases heat.", "converges"])
@pytest.mark.parametrize("domain", ["science", "puzzle", "math"])
def test_a_gold_answer_in_prose_judges_nobody(answer: str, domain: Domain) -> None:
    """Else every completion of its problem would be unscored, which stops a training, or wrong."""
    golds = ["The reaction is exothermic because bonds form.", "The series converges by the ratio test."]
    golds.append("See the proof above, it is shown that n is even.")
    for gold in golds:
        found = decide(Job(gold, answer, domain), NoEngine())
        assert found.is_correct is None and found.how in NOT_JUDGED, (gold, found)
    assert decide(Job(golds[0], golds[0], domain), NoEngine()).is_correct


@pytest.mark.parametrize(
    ("gold", "answer", "expected"),
    [
        ("[[1, 2], [3, 4]]", "1 2\n3 4", Verdict(True, "structure")),
        ("[[1, 2], [3, 4]]", "1 | 2\n4 | 3", Verdict(False, "structure")),
        ("(1, 'Red')", "[1.0, red]", Verdict(True, "structure")),
        ("red, green", "Red; Green", Verdict(True, "structure")),
        ('{"a": [1]}', "{'a': (1,)}", Verdict(True, "structure")),
        ("[1, 2]", "[2, 1]", Verdict(False, "structure")),
        ("[" * 5000, "[" * 5001, Verdict(None, "null: unreadable gold answer")),
        ("the blue house", "Blue house", Verdict(True, "words")),
        ("the blue house", "it stands in the third street", Verdict(None, "null: free text")),
        ("knight", "knave", Verdict(False, "words")),
        ("12,000 dollars", "12,000", Verdict(True, "number")),
        ("10,000 km", "10,000 kilometers", Verdict(True, "equal")),
        ("[red, green]", "green, red", Verdict(False, "structure")),
    ],
)
def test_puzzles_are_compared_as_what_they_are(gold: str, answer: str, expected: Verdict) -> None:
    assert quick(Job(gold, answer, "puzzle")) == expected


def test_in_mathematics_brackets_may_be_an_intervals_ends() -> None:
    assert quick(Job("(1, 2)", "[1, 2]", "math")) == Verdict(False, "open and closed ends")


@pytest.mark.skipif(sandbox.available() is not None, reason="sandbox unavailable")
def test_code_is_run_only_when_asked_for() -> None:
    job = Job('{"inputs": ["4"], "outputs": ["16"]}', "```python\nprint(int(input()) ** 2)\n```", "code")
    with Verifier(1) as verifier:
        assert list(verifier.verify_all([job])) == [Verdict(None, "null: code is not run")]
    with Verifier(2, code=CodeRuns(5, 20)) as verifier:
        mixed = [job, Job("4", "4", "math"), Job(job.gold, "", "code"), Job(None, job.answer, "code")]
        assert [verdict.how for verdict in verifier.verify_all(mixed)] == [
            "tests: 1/1 passed", "exact", "no answer", "null: no gold answer"
        ]  # fmt: skip
        assert asyncio.run(verifier.verify_async(job)) == Verdict(True, "tests: 1/1 passed")


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        ("18 / 12 = 1.5 hours", "18 / 12 = 1.2 hours", False),
        ("46 / 2 = 23 cm", "46 / 2 = 24 cm", False),
        ("540 * 2 / 3 = 360 litres", "540 / 3 = 180 litres", False),
        ("540 * 2 / 3 = 360 litres", "360 litres", True),
        ("14 * 12 = 168 rolls", "168", True),
    ],
)
def test_a_computation_is_what_it_comes_to(gold: str, answer: str, right: bool) -> None:
    """math-verify takes the unit for an unknown, and the two results for one equation."""
    found = quick(Job(gold, answer, "math"))
    assert found is not None and found.is_correct is right
