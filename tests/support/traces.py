"""Traces for the tests of decompose, written for them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rlkd_data.schema import TRACES, Sampling, Trace, make_problem_id, make_trace_id
from rlkd_data.tables import TableWriter


def made_trace(number: int, **values: Any) -> Trace:
    """A trace of three paragraphs about its number; `values` replace its fields."""
    problem = values.pop("problem", f"Hens lay {number} eggs a day, and {number + 3} on Sunday. How many in a week?")
    total = 6 * number + number + 3
    reasoning = values.pop(
        "reasoning",
        f"On six days the hens lay {number} eggs, so 6 * {number} = {6 * number} eggs.\n\n"
        f"Wait, on Sunday it is three more, so {number} + 3 = {number + 3}.\n\n"
        f"Together that makes {6 * number} + {number + 3} = {total} eggs.",
    )
    problem_id = make_problem_id(problem)
    fields: dict[str, Any] = {
        "trace_id": make_trace_id(problem_id, "tests", number, reasoning, ""),
        "problem_id": problem_id,
        "problem": problem,
        "domain": "math",
        "answer": str(total),
        "reasoning": reasoning,
        "response": f"The answer is {total}.",
        "final_answer": str(total),
        "is_correct": True,
        "verification": "exact",
        "teacher": "tests",
        "source": "tests",
        "license": "CC0-1.0",
        "sampling": Sampling(),
        "finish_reason": "stop",
        "usage": None,
        "cost_usd": None,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return Trace(**fields | values)


def write_made_traces(folder: Path, traces: list[Trace]) -> Path:
    with TableWriter(folder, TRACES) as writer:
        for trace in traces:
            writer.add(trace)
    return folder
