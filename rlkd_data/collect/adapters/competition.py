"""Competition problems with a solution that people wrote, which is the trace.

- HuggingFaceH4/MATH-500: problem, solution, answer, subject, level, unique_id.
- HuggingFaceH4/aime_2024: id, problem, solution, answer, url, year. Maxwell-Jia/AIME_2024 has the same as ID, Problem,
  Solution and Answer.
"""

from __future__ import annotations

from functools import partial

from rlkd_data.answers.final import final_answer
from rlkd_data.collect.adapters.base import Adapter, Record, SourceRow, gold, required, text
from rlkd_data.collect.normalise import split_reasoning


def read(record: Record, teacher: str) -> SourceRow:
    """A row without a solution is a problem alone."""
    solution, answer = text(record, "solution", "Solution"), gold(record, "answer", "Answer")
    said = final_answer(solution) if solution else None
    parts = split_reasoning(solution) if solution else None
    return SourceRow(
        problem=required(record, "problem", "Problem"),
        answer=answer or said,
        domain="math",
        reasoning=parts.reasoning if parts else None,
        response=parts.response if parts else None,
        final_answer=said
        or (answer if solution else None),  # a proof-like solution states none: its gold is its answer
        teacher=teacher,
        source=text(record, "source"),
        license=text(record, "license"),
    )


_MATH, _AIME = partial(read, teacher="human:math"), partial(read, teacher="human:aime")

MATH500 = Adapter("math500", frozenset({"problem", "solution", "subject", "level"}), _MATH, domain="math")
AIME24 = Adapter("aime24", frozenset({"problem", "solution", "answer", "url"}), _AIME, domain="math")
AIME24_CAPITALS = Adapter("aime24", frozenset({"Problem", "Solution", "Answer"}), _AIME, domain="math")
