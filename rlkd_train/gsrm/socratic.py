"""GSM8K-socratic: gold sub-questions with answers, as decompositions of the solution that they make up. Pure.

The rows come from openai/grade-school-math (MIT). They have no meta-reasoning; `meta_rules` writes it.
"""

from __future__ import annotations

from rlkd_data.measure.gold import GoldRow
from rlkd_data.schema import Step
from rlkd_train.gsrm.meta_rules import given_in, meta_line, result


def gold_steps(row: GoldRow) -> tuple[Step, ...]:
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


def solution(row: GoldRow) -> str:
    """The solution that a GSRM sees: the answers, a line each, without the questions."""
    return "\n".join(step.answer for step in row.steps)
