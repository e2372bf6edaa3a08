"""The completions of a GRPO run with every component of their reward: OUT/completions/, a shard a step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from rlkd_data.schema import DECOMPOSITIONS, Step, TableSchema
from rlkd_data.tables import is_table, read_table, shards
from rlkd_train.reward.scorer import PairVerdict

FOLDER = "completions"


@dataclass(frozen=True, slots=True)
class OwnValue:
    """What a reward of the user's own says of a completion; None: nothing."""

    name: str
    value: float | None


@dataclass(frozen=True, slots=True)
class ScoredCompletion:
    """One completion of one step (from 1). A component that is None was not computed; `unscored` says why, and such a
    completion counts for nothing in its group.

    `total` is the weighted sum that TRL makes an advantage of, `guards` the signals that the completion gave and
    `penalty` what they cost (0 or less). `gate_at` is the step at which the prefix gate closed in the alignment with
    `teacher`, the best of the problem's. `verdicts` hold every pair that was judged, against every teacher. `tokens` is
    the completion's length, `own` what the user's own rewards say.
    """

    step: int
    problem_id: str
    problem: str
    completion: str
    structure: float | None
    accuracy: float | None
    format: float | None
    unscored: str | None
    n_steps: int
    gate_at: int | None
    teacher: str | None
    tag_count: float | None = None
    penalty: float | None = None
    total: float | None = None
    verification: str | None = None
    steps: tuple[Step, ...] = ()
    verdicts: tuple[PairVerdict, ...] = ()
    guards: tuple[str, ...] = ()
    length: float | None = None
    overlong: float | None = None
    repetition: float | None = None
    language: float | None = None
    tokens: int | None = None
    own: tuple[OwnValue, ...] = ()


VERDICT = pa.struct(
    [
        pa.field("teacher", pa.string()),
        pa.field("step", pa.int64()),
        pa.field("part", pa.string()),
        pa.field("match", pa.bool_()),
        pa.field("how", pa.string()),
        pa.field("beside", pa.int64()),
    ]
)

COMPLETIONS = TableSchema(
    name="completions",
    arrow=pa.schema(
        [
            pa.field("step", pa.int64(), nullable=False),
            pa.field("problem_id", pa.string(), nullable=False),
            pa.field("problem", pa.string(), nullable=False),
            pa.field("completion", pa.string(), nullable=False),
            pa.field("structure", pa.float64()),
            pa.field("accuracy", pa.float64()),
            pa.field("format", pa.float64()),
            pa.field("unscored", pa.string()),
            pa.field("n_steps", pa.int64(), nullable=False),
            pa.field("gate_at", pa.int64()),
            pa.field("teacher", pa.string()),
            pa.field("tag_count", pa.float64()),
            pa.field("penalty", pa.float64()),
            pa.field("total", pa.float64()),
            pa.field("verification", pa.string()),
            DECOMPOSITIONS.arrow.field("steps").with_nullable(True),
            pa.field("verdicts", pa.list_(VERDICT)),
            pa.field("guards", pa.list_(pa.string())),
            *(pa.field(name, pa.float64()) for name in ("length", "overlong", "repetition", "language")),
            pa.field("tokens", pa.int64()),
            pa.field("own", pa.list_(pa.struct([pa.field("name", pa.string()), pa.field("value", pa.float64())]))),
        ]
    ),
    key=("step", "problem_id"),
    row=ScoredCompletion,
)


def drop_after(folder: Path, step: int) -> None:
    """Remove the shards of later steps: a run that goes on from a checkpoint takes those steps again."""
    if not is_table(folder):
        return
    for shard in shards(folder):
        steps = [s for batch in read_table(shard, COMPLETIONS, ["step"]) for s in batch.column("step").to_pylist()]
        if steps and min(steps) > step:
            shard.unlink()
