"""The samples table of an evaluation: what the model wrote, and what it was worth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from rlkd_data.schema import DECOMPOSITIONS, TRACES, Sampling, Step, TableSchema
from rlkd_train.evaluate.verdicts import Word
from rlkd_train.reward.completions import VERDICT
from rlkd_train.reward.scorer import PairVerdict


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
    sample_index: int | None = None
    """Which of its problem's samples it is, from 0."""
    verdict: Word | None = None
    """`is_correct` in a word; `reason` is what decided, or why nobody can say (`verdicts.reason_of`)."""
    reason: str | None = None
    vote: str | None = None
    """The answer that it votes for: of answers that are the same, the one that came first."""
    format: float | None = None
    """`reward.formats.format_score`: half for a closed <think> block, half for a box; None of a lost reply."""
    prefix: int | None = None
    """Steps before the gate closes against the best teacher, where the structure was measured; so the next two:
    shares of its own steps, and of the teacher's, that stand for each other."""
    step_precision: float | None = None
    step_recall: float | None = None
    path: tuple[int, ...] | None = None
    """The node of each of its steps in its problem's tree, which all samples of the problem are merged into."""
    fingerprint: str | None = None
    """What the server that drew it said it was (`system_fingerprint`)."""
    benchmark: str | None = None
    """The benchmark that its problem is of; None of a table's."""
    steps: tuple[Step, ...] = ()
    """Where the structure was measured; as in a run's completions `teacher` is the best of the problem's, `gate_at` the
    step at which the gate closed beside it, and `verdicts` hold every pair that was judged."""
    gate_at: int | None = None
    teacher: str | None = None
    verdicts: tuple[PairVerdict, ...] = ()


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
            pa.field("sample_index", pa.int64()),
            pa.field("verdict", pa.string()),
            pa.field("reason", pa.string()),
            pa.field("vote", pa.string()),
            pa.field("format", pa.float64()),
            pa.field("prefix", pa.int64()),
            pa.field("step_precision", pa.float64()),
            pa.field("step_recall", pa.float64()),
            pa.field("path", pa.list_(pa.int64())),
            pa.field("fingerprint", pa.string()),
            pa.field("benchmark", pa.string()),
            DECOMPOSITIONS.arrow.field("steps").with_nullable(True),
            pa.field("gate_at", pa.int64()),
            pa.field("teacher", pa.string()),
            pa.field("verdicts", pa.list_(VERDICT)),
        ]
    ),
    key=("problem_id", "model"),
    row=Sample,
)
