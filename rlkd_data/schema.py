"""The rows of rlkd's tables: frozen dataclasses, their Arrow schemas, and the content hashes that name them.

Columns are only ever added: a reader of an older table sees the missing ones as null.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa

from rlkd_data import domains

Domain = domains.Domain
DOMAINS = domains.DOMAINS
Status = Literal["ok", "rejected"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one reply. `cached_tokens` is part of `prompt_tokens`, `reasoning_tokens` of `completion_tokens`."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a completion was drawn. None leaves the choice to the server, and is not sent."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    sample_index: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """A task with, where known, its gold answer, taken from `source` under `license`."""

    problem_id: str
    problem: str
    domain: Domain
    answer: str | None
    source: str
    license: str | None


@dataclass(frozen=True, slots=True)
class Trace:
    """One teacher's reasoning about one problem. `reasoning` holds no `<think>` tags."""

    trace_id: str
    problem_id: str
    problem: str
    domain: Domain
    answer: str | None
    reasoning: str
    response: str
    final_answer: str | None
    is_correct: bool | None
    verification: str
    teacher: str
    source: str
    license: str | None
    sampling: Sampling
    finish_reason: str | None
    usage: Usage | None
    cost_usd: float | None
    created_at: datetime
    pass_rate: float | None = None
    """The share of the attempts at the problem that were right; the same in every trace of it."""
    controls: str | None = None
    """What the teacher was told beside its sampling, as a JSON object."""
    prompt_id: str | None = None
    """The prompt of one's own that the teacher was asked with; null for rlkd's."""
    server: str | None = None
    """Which of several servers answered."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step (M_i, Q_i, A_i) of a decomposition (RLKD, section 3).

    `index` counts from 1. `span_start` and `span_end` are the characters of the trace's reasoning that the step came
    from (half open), null while it is not grounded.
    """

    index: int
    meta_reasoning: str
    sub_problem: str
    answer: str
    span_start: int | None = None
    span_end: int | None = None


@dataclass(frozen=True, slots=True)
class Decomposition:
    """What an annotator made of a trace; `raw` is its reply as it came, `issues` are codes.

    `raw` holds the replies about several pieces of a trace with a form feed between them; a reply that was continued is
    whole. `usage` is that of all `turns` (requests answered), `repairs` of which named failed checks. `coverage` is the
    share of the trace that the steps account for (`structure.ground.covered`), `ordered` whether they follow it.
    `kinds` are the steps' (`structure.kinds`), and `abandoned` is the share of those that came to nothing.
    `server`: who of several answered, in the order of their first answers.
    """

    trace_id: str
    problem_id: str
    problem: str
    domain: Domain
    answer: str | None
    annotator: str
    prompt_id: str
    steps: tuple[Step, ...]
    final_answer: str | None
    status: Status
    issues: tuple[str, ...]
    raw: str
    usage: Usage | None
    cost_usd: float | None
    created_at: datetime
    turns: int | None = None
    repairs: int | None = None
    pieces: int | None = None
    coverage: float | None = None
    ordered: bool | None = None
    kinds: tuple[str, ...] | None = None
    abandoned: float | None = None
    server: str | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A trace that goes through a node, and the index of its own step there."""

    trace_id: str
    step: int


@dataclass(frozen=True, slots=True)
class Branch:
    """A node of the tree that the decompositions of one problem's traces make (`structure.branch`).

    `node` counts from 1 within a problem, in a walk depth first; `parent` is null for a first step. The step's texts
    are those of the first of the `traces`. `judge` names who said which steps are the same. `kind` is the step's
    (`structure.kinds`), `abandoned` the share of the traces whose step here came to nothing, `children` the number of
    steps that were taken from here.
    """

    problem_id: str
    problem: str
    domain: Domain
    node: int
    parent: int | None
    depth: int
    meta_reasoning: str
    sub_problem: str
    answer: str
    traces: tuple[Passage, ...]
    judge: str
    kind: str | None = None
    abandoned: float | None = None
    children: int | None = None


@dataclass(frozen=True, slots=True)
class TableSchema:
    """A table's name, its Arrow schema, the columns that name a row, and the dataclass of a row."""

    name: str
    arrow: pa.Schema
    key: tuple[str, ...]
    row: type = field(repr=False)

    @property
    def rejected(self) -> pa.Schema:
        """The schema of the rows kept in `rejected/`: the same columns, then why each was rejected."""
        return self.arrow.append(pa.field("reason", pa.string(), nullable=False)).append(
            pa.field("detail", pa.string())
        )


def _text(name: str, nullable: bool = False) -> pa.Field:
    return pa.field(name, pa.string(), nullable=nullable)


_USAGE = pa.struct(
    [pa.field(name, pa.int64()) for name in ("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens")]
)
_SAMPLING = pa.struct(
    [
        pa.field("temperature", pa.float64()),
        pa.field("top_p", pa.float64()),
        pa.field("max_tokens", pa.int64()),
        pa.field("seed", pa.int64()),
        pa.field("sample_index", pa.int64()),
    ]
)
_STEP = pa.struct(
    [
        pa.field("index", pa.int64()),
        pa.field("meta_reasoning", pa.string()),
        pa.field("sub_problem", pa.string()),
        pa.field("answer", pa.string()),
        pa.field("span_start", pa.int64()),
        pa.field("span_end", pa.int64()),
    ]
)
_PASSAGE = pa.struct([pa.field("trace_id", pa.string()), pa.field("step", pa.int64())])
_CREATED_AT = pa.field("created_at", pa.timestamp("us", tz="UTC"), nullable=False)

TRACES = TableSchema(
    name="traces",
    arrow=pa.schema(
        [
            _text("trace_id"),
            _text("problem_id"),
            _text("problem"),
            _text("domain"),
            _text("answer", nullable=True),
            _text("reasoning"),
            _text("response"),
            _text("final_answer", nullable=True),
            pa.field("is_correct", pa.bool_()),
            _text("verification"),
            _text("teacher"),
            _text("source"),
            _text("license", nullable=True),
            pa.field("sampling", _SAMPLING, nullable=False),
            _text("finish_reason", nullable=True),
            pa.field("usage", _USAGE),
            pa.field("cost_usd", pa.float64()),
            _CREATED_AT,
            pa.field("pass_rate", pa.float64()),
            _text("controls", nullable=True),
            _text("prompt_id", nullable=True),
            _text("server", nullable=True),
        ]
    ),
    key=("trace_id",),
    row=Trace,
)

DECOMPOSITIONS = TableSchema(
    name="decompositions",
    arrow=pa.schema(
        [
            _text("trace_id"),
            _text("problem_id"),
            _text("problem"),
            _text("domain"),
            _text("answer", nullable=True),
            _text("annotator"),
            _text("prompt_id"),
            pa.field("steps", pa.list_(_STEP), nullable=False),
            _text("final_answer", nullable=True),
            _text("status"),
            pa.field("issues", pa.list_(pa.string()), nullable=False),
            _text("raw"),
            pa.field("usage", _USAGE),
            pa.field("cost_usd", pa.float64()),
            _CREATED_AT,
            pa.field("turns", pa.int64()),
            pa.field("repairs", pa.int64()),
            pa.field("pieces", pa.int64()),
            pa.field("coverage", pa.float64()),
            pa.field("ordered", pa.bool_()),
            pa.field("kinds", pa.list_(pa.string())),
            pa.field("abandoned", pa.float64()),
            _text("server", nullable=True),
        ]
    ),
    key=("trace_id", "annotator", "prompt_id"),
    row=Decomposition,
)

BRANCHES = TableSchema(
    name="branches",
    arrow=pa.schema(
        [
            _text("problem_id"),
            _text("problem"),
            _text("domain"),
            pa.field("node", pa.int64(), nullable=False),
            pa.field("parent", pa.int64()),
            pa.field("depth", pa.int64(), nullable=False),
            _text("meta_reasoning"),
            _text("sub_problem"),
            _text("answer"),
            pa.field("traces", pa.list_(_PASSAGE), nullable=False),
            _text("judge"),
            _text("kind", nullable=True),
            pa.field("abandoned", pa.float64()),
            pa.field("children", pa.int64()),
        ]
    ),
    key=("problem_id", "node"),
    row=Branch,
)


def content_hash(*parts: Any, length: int = 32) -> str:
    """A hex digest of JSON-representable parts: the same on every machine, run and Python version."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def make_problem_id(problem: str) -> str:
    """The id of a problem: of its text alone, so that one problem has one id whatever set it came from."""
    return content_hash("problem", " ".join(problem.split()))


def make_trace_id(problem_id: str, teacher: str, sample_index: int, reasoning: str, response: str) -> str:
    """The id of a trace: of the problem, who reasoned, which sample it was, and every character of it."""
    return content_hash("trace", problem_id, teacher, sample_index, reasoning, response)
