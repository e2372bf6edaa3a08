"""GSM8K-socratic: gold sub-questions with answers, as decompositions of the solution that they make up. Pure.

The rows come from openai/grade-school-math (MIT). They have no meta-reasoning; `meta_rules` writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rlkd_data.errors import InputError
from rlkd_data.schema import Step
from rlkd_train.meta_rules import given_in, meta_line, result


@dataclass(frozen=True, slots=True)
class GoldStep:
    """A sub-question and its answer; `answer_raw` keeps the calculator marks (`<<16-3-4=9>>`)."""

    question: str
    answer: str
    answer_raw: str


@dataclass(frozen=True, slots=True)
class SocraticRow:
    row_id: str
    problem: str
    answer: str
    steps: tuple[GoldStep, ...]


def read_row(record: Mapping[str, Any], where: str = "GSM8K-socratic") -> SocraticRow:
    """A row of the JSONL file. A step without question or answer (there are a few) is left out.

    Raises InputError where a column is missing or a row has no step.
    """
    try:
        steps = tuple(
            GoldStep(" ".join(step["question"].split()), " ".join(step["answer"].split()), step["answer_raw"])
            for step in record["steps"]
            if step["question"].strip() and step["answer"].strip()
        )
        row = SocraticRow(str(record["id"]), record["problem"], str(record["answer"]), steps)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{where}: a row needs id, problem, answer and steps (question, answer, answer_raw): {error!r}"
        ) from error
    if not steps:
        raise InputError(f"{where}: row {row.row_id} has no step with a question and an answer")
    return row


def gold_steps(row: SocraticRow) -> tuple[Step, ...]:
    """The row's steps with their meta-reasoning. Step k depends on the problem and on steps 1..k alone, so the first k
    of them are the decomposition of a solution that was cut after k steps."""
    given = given_in(row.problem)
    results = [result(step.answer, step.answer_raw) for step in row.steps]
    return tuple(
        Step(
            index=number,
            meta_reasoning=meta_line(
                question=step.question,
                answer=step.answer,
                answer_raw=step.answer_raw,
                given=given,
                results=results[: number - 1],
            ),
            sub_problem=step.question,
            answer=step.answer,
        )
        for number, step in enumerate(row.steps, 1)
    )


def solution(row: SocraticRow) -> str:
    """The solution that a GSRM sees: the answers, a line each, without the questions."""
    return "\n".join(step.answer for step in row.steps)
