"""Rows of tables for the tests of training data."""

from datetime import UTC, datetime

from rlkd_data.prompts import GSRM, prompt_id
from rlkd_data.schema import Decomposition, Sampling, Trace
from rlkd_data.tables import TableWriter

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def trace(trace_id, reasoning, response, *, is_correct=None, finish_reason="stop", problem="How much is 3*4?"):
    return Trace(
        trace_id=trace_id,
        problem_id=f"problem of {trace_id}",
        problem=problem,
        domain="math",
        answer="12",
        reasoning=reasoning,
        response=response,
        final_answer=None,
        is_correct=is_correct,
        verification="none",
        teacher="test",
        source="test",
        license="MIT",
        sampling=Sampling(),
        finish_reason=finish_reason,
        usage=None,
        cost_usd=None,
        created_at=NOW,
    )


def decomposed(row, steps, *, status="ok"):
    return Decomposition(
        trace_id=row.trace_id,
        problem_id=row.problem_id,
        problem=row.problem,
        domain=row.domain,
        answer=row.answer,
        annotator="local:gsrm-smollm2",
        prompt_id=prompt_id(*GSRM) if status == "ok" else f"p-{status}",
        steps=steps,
        final_answer="12",
        status=status,
        issues=(),
        raw="",
        usage=None,
        cost_usd=None,
        created_at=NOW,
    )


def write(folder, schema, rows):
    with TableWriter(folder, schema) as table:
        for row in rows:
            table.add(row)
