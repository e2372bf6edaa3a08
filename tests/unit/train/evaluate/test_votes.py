"""Answers that are the same vote together."""

from __future__ import annotations

from datetime import UTC, datetime

from rlkd_data.answers.verify import Verifier
from rlkd_data.schema import Sampling
from rlkd_train.evaluate.samples import Sample
from rlkd_train.evaluate.votes import votes
from rlkd_train.problems import Task

TASK = Task("p", "How much is it?", "1/2", "math")
OTHER = Task("q", "Which is it?\nA. Lyon\nB. Paris", "B", "science")


NOW = datetime(2026, 1, 1, tzinfo=UTC)


def sample(answer: str | None, right: bool | None, problem_id: str = "p") -> Sample:
    return Sample(
        problem_id, "", None, "m", Sampling(), "", answer, right, "", 1, False, None, None, NOW
    )  # fmt: skip


def test_equal_answers_vote_for_the_first_of_them() -> None:
    said = ["1/2", "3", "0.5", None, "\\frac{2}{4}", "x", "\\sqrt{4}+1"]
    found = [sample(one, False) for one in said]
    found += [sample(one, False, "q") for one in ("Paris", "A", "(B)", "Lyon")]
    with Verifier(1, 30) as verifier:
        counted = votes(found, [TASK, OTHER], verifier)
    assert counted == ["1/2", "3", "1/2", None, "1/2", "x", "3", "Paris", "A", "Paris", "A"]
