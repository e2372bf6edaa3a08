"""GAIR/LIMO: question, solution (a long reasoning that ends in its answer), answer. Several models wrote the solutions,
and no row says which."""

from __future__ import annotations

from rlkd_data.answers.final import answer_of_reply
from rlkd_data.collect.adapters.base import Adapter, Record, SourceRow, Unusable, gold, required, text
from rlkd_data.collect.normalise import split_reasoning

TEACHER = "mixed:limo"


def read(record: Record) -> SourceRow:
    problem, answer = required(record, "question"), gold(record, "answer")
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
        final_answer=answer_of_reply(parts.response, parts.reasoning),
        teacher=TEACHER,
    )


LIMO = Adapter("limo", frozenset({"question", "solution", "answer"}), read, domain="math")
