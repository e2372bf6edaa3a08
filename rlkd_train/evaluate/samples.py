"""The samples table of an evaluation: what the model wrote, and what it was worth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from rlkd_data.schema import TRACES, Sampling, TableSchema


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion of an evaluated model. `completion_tokens` is its length; `structure` its alignment with the best
    teacher, None where it was not measured or not scored (`unscored` says why)."""

    problem_id: str
    problem: str
    answer: str | None
    model: str
    sampling: Sampling
    completion: str
    final_answer: str | None
    is_correct: bool | None
    verification: str
    completion_tokens: int
    truncated: bool
    structure: float | None
    unscored: str | None
    created_at: datetime
    n_steps: int | None = None
    """Steps of the completion, where the structure was measured: its `kinds` and the share `abandoned` are theirs."""
    kinds: tuple[str, ...] | None = None
    abandoned: float | None = None


SAMPLES = TableSchema(
    name="samples",
    arrow=pa.schema(
        [
            pa.field("problem_id", pa.string(), nullable=False),
            pa.field("problem", pa.string(), nullable=False),
            pa.field("answer", pa.string()),
            pa.field("model", pa.string(), nullable=False),
            TRACES.arrow.field("sampling"),
            pa.field("completion", pa.string(), nullable=False),
            pa.field("final_answer", pa.string()),
            pa.field("is_correct", pa.bool_()),
            pa.field("verification", pa.string(), nullable=False),
            pa.field("completion_tokens", pa.int64(), nullable=False),
            pa.field("truncated", pa.bool_(), nullable=False),
            pa.field("structure", pa.float64()),
            pa.field("unscored", pa.string()),
            TRACES.arrow.field("created_at"),
            pa.field("n_steps", pa.int64()),
            pa.field("kinds", pa.list_(pa.string())),
            pa.field("abandoned", pa.float64()),
        ]
    ),
    key=("problem_id", "model"),
    row=Sample,
)
