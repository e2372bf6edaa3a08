"""`rlkd-data score`: decompositions against gold ones, which people wrote.

A predicted step stands for a gold one where a judge says that they are the same step; matches keep the order of both.
Precision, recall and F1 are over all steps of all rows (micro). A rejected decomposition counts as empty.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from rlkd_data.config import ScoreSettings
from rlkd_data.errors import InputError
from rlkd_data.judges.base import Judge, Pair
from rlkd_data.judges.equal import EqualFirst
from rlkd_data.judges.open import judge_name, open_judge
from rlkd_data.judges.steps import StepJudge
from rlkd_data.measure.gold import GoldRow, read_gold
from rlkd_data.records import from_record
from rlkd_data.run.progress import tally
from rlkd_data.run.served import judge_apart
from rlkd_data.run.stage import StageResult
from rlkd_data.run.together import together
from rlkd_data.schema import DECOMPOSITIONS, Step, TableSchema, make_problem_id
from rlkd_data.structure.match import Overlap
from rlkd_data.tables import REJECTED, TableWriter, is_table, read_table, shards

PLACE = "score"
"""The folder inside the table's own where the scores go, unless another is named."""
_AT_ONCE = 64
"""Decompositions that are compared at a time."""


@dataclass(frozen=True, slots=True)
class Match:
    """A gold step and the predicted one that stands for it, both counted from 1, and whether its answer is right."""

    gold: int
    step: int
    answer_right: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """One decomposition against gold. `matches` are steps that are the same; `by_answer` counts those
    whose answers are the same, whatever the sub-problems say."""

    trace_id: str
    annotator: str
    prompt_id: str
    problem_id: str
    gold_id: str
    reason: str | None
    gold_steps: int
    steps: int
    matches: tuple[Match, ...]
    by_answer: int
    final_answer_right: bool


SCORES = TableSchema(
    name="scores",
    arrow=pa.schema(
        [
            pa.field("trace_id", pa.string(), nullable=False),
            pa.field("annotator", pa.string(), nullable=False),
            pa.field("prompt_id", pa.string(), nullable=False),
            pa.field("problem_id", pa.string(), nullable=False),
            pa.field("gold_id", pa.string(), nullable=False),
            pa.field("reason", pa.string()),
            pa.field("gold_steps", pa.int64(), nullable=False),
            pa.field("steps", pa.int64(), nullable=False),
            pa.field(
                "matches",
                pa.list_(pa.struct([("gold", pa.int64()), ("step", pa.int64()), ("answer_right", pa.bool_())])),
                nullable=False,
            ),
            pa.field("by_answer", pa.int64(), nullable=False),
            pa.field("final_answer_right", pa.bool_(), nullable=False),
        ]
    ),
    key=("trace_id", "annotator", "prompt_id"),
    row=Scored,
)


def score(settings: ScoreSettings, out: Path) -> StageResult:
    """Fill `out` with a row for each decomposition of a problem that has a gold one, and measure. Raises InputError
    where there is none, ModelError where the judge did not answer."""
    gold = {make_problem_id(row.problem): row for row in read_gold(settings.gold)}
    scored, without, told, cost = asyncio.run(_score(settings, gold, out))
    if not scored:
        raise InputError(
            f"none of the {without} decompositions in {settings.decompositions} is of a problem in {settings.gold}: "
            "give the gold decompositions of the same problems, with the same text"
        )
    for shard in shards(out) if is_table(out) else []:
        shard.unlink()  # of an interrupted run: the whole table is written at the end
    shutil.rmtree(out / REJECTED, ignore_errors=True)
    with TableWriter(out, SCORES) as writer:
        for one in scored:
            writer.add(one)
    counts = {"ok": len(scored), "skipped:no_gold": without}
    return StageResult({name: count for name, count in counts.items() if count}, figures(scored) | told, cost)


@dataclass(frozen=True, slots=True)
class Predicted:
    """What a decomposition says; `reason` is why it was rejected, if it was."""

    trace_id: str
    annotator: str
    prompt_id: str
    problem_id: str
    steps: tuple[Step, ...]
    final_answer: str | None
    reason: str | None = None


_COLUMNS = [field.name for field in fields(Predicted) if field.name != "reason"]


def _decompositions(folder: Path) -> Iterator[Predicted]:
    """Every row, the rejected ones with the reason."""
    rejected = is_table(folder / REJECTED)
    if is_table(folder) or not rejected:
        for batch in read_table(folder, DECOMPOSITIONS, _COLUMNS):
            yield from (from_record(Predicted, record) for record in batch.to_pylist())
    for batch in read_table(folder, DECOMPOSITIONS, [*_COLUMNS, "reason"], rejected=True) if rejected else ():
        yield from (from_record(Predicted, record) for record in batch.to_pylist())


async def _score(
    settings: ScoreSettings, gold: Mapping[str, GoldRow], out: Path
) -> tuple[list[Scored], int, dict[str, Any], float | None]:
    """(the rows, how many decompositions have no gold one, what the judge was, what it cost)."""
    chosen, who = await judge_apart(settings.judge, out)
    judge = open_judge(chosen, out)
    exact = EqualFirst(None)
    questions = StepJudge(judge, settings.same)
    scored: list[Scored] = []
    without = 0
    rows = _decompositions(settings.decompositions)
    try:
        with tally("score", None) as progress:
            while batch := list(islice(rows, _AT_ONCE)):
                known = [one for one in batch if one.problem_id in gold]
                without += len(batch) - len(known)
                scored += await together(compare(questions, exact, one, gold[one.problem_id]) for one in known)
                progress.advance(count=len(known))
    finally:
        await exact.close()
        await judge.close()
    told = (
        {"judge": judge_name(settings.judge)}
        | who
        | ({"unjudged pairs": questions.unjudged} if questions.unjudged else {})
    )
    return scored, without, told, judge.client.bill.cost_usd if judge.client is not None else None


async def compare(questions: StepJudge, exact: Judge, one: Predicted, row: GoldRow) -> Scored:
    """One decomposition against gold; `exact` says whether two answers are the same."""
    gold = [Step(number, "", step.question, step.answer) for number, step in enumerate(row.steps, 1)]
    steps = one.steps if one.reason is None else ()
    said = one.final_answer if one.reason is None else None
    answers = StepJudge(exact, ("answer",))
    pairs = await questions.matched(gold, steps, row.problem)
    right = await answers.same([(gold[i], steps[j]) for i, j in pairs], row.problem)
    final = await exact.judge([Pair("answer", row.answer, said, row.problem)]) if said is not None else []
    return Scored(
        trace_id=one.trace_id,
        annotator=one.annotator,
        prompt_id=one.prompt_id,
        problem_id=one.problem_id,
        gold_id=row.row_id,
        reason=one.reason,
        gold_steps=len(gold),
        steps=len(steps),
        matches=tuple(Match(i + 1, j + 1, same is True) for (i, j), same in zip(pairs, right, strict=True)),
        by_answer=len(await answers.matched(gold, steps, row.problem)),
        final_answer_right=any(verdict.match is True for verdict in final),
    )


def figures(scored: Sequence[Scored]) -> dict[str, Any]:
    """Shares over rows (parse rate, step counts, final answers) and over steps (precision, recall, F1, answers)."""
    rows = len(scored)
    by_question, by_answer = Overlap(), Overlap()
    for one in scored:
        by_question += Overlap(one.gold_steps, one.steps, len(one.matches))
        by_answer += Overlap(one.gold_steps, one.steps, one.by_answer)
    right = sum(match.answer_right for one in scored for match in one.matches)
    return {
        "rows": rows,
        "parse rate": sum(one.reason is None for one in scored) / rows,
        "step precision": by_question.precision,
        "step recall": by_question.recall,
        "step F1": by_question.f1,
        "answer accuracy of matched steps": right / by_question.matched if by_question.matched else 0.0,
        "step F1 by answers": by_answer.f1,
        "same number of steps": sum(one.steps == one.gold_steps for one in scored) / rows,
        "final answer accuracy": sum(one.final_answer_right for one in scored) / rows,
    } | {f"rejected: {reason}": n for reason, n in Counter(one.reason for one in scored if one.reason).items()}
