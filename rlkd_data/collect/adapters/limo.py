"""GAIR/LIMO: question, solution (a long reasoning that ends in its answer), answer. Several models wrote the solutions,
and no row says which."""

from __future__ import annotations

from rlkd_data.answers.final import final_answer
from rlkd_data.collect.adapters.base import Adapter, Record, SourceRow, Unusable, required, text
from rlkd_data.collect.normalise import split_reasoning

TEACHER = "mixed:limo"


def read(record: Record) -> SourceRow:
    problem, answer = required(record, "question"), text(record, "answer")
    solution = text(record, "solution")
    if solution is None:
        raise Unusable("no_reasoning", "no text in column solution", SourceRow(problem, answer, "math"))
    parts = split_reasoning(solution)
    return SourceRow(
        problem=problem,
        answer=answer,
        domain="math",
        reasoning=parts.reasoning,
        response=parts.response,
        final_answer=final_answer(parts.response) or final_answer(parts.reasoning),
        teacher=TEACHER,
    )


LIMO = Adapter("limo", frozenset({"question", "solution", "answer"}), read, domain="math")
