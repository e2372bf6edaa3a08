"""The rows of a table as examples to learn from; each that is left out is counted by its reason."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rlkd_data.decompose.texts import Text, texts
from rlkd_data.errors import InputError
from rlkd_data.export.shapes import Example
from rlkd_data.prompts import gsrm_messages, student_messages
from rlkd_data.schema import DECOMPOSITIONS, TRACES, Trace
from rlkd_data.structure.render import render
from rlkd_data.tables import read_rows, shards, stored_schema

OPEN, CLOSE = "<think>", "</think>"
_TOGETHER = 4096
"""Decompositions whose traces are looked up in one go."""

Thought = Literal["tags", "beside", "none"]
Asked = Literal["problem", "student"]


@dataclass(frozen=True, slots=True)
class Choice:
    """What to take of a table. `thought`: where a trace's reasoning stands; `asked`: the problem alone, or as rlkd asks
    a student; `traces`: the table of the texts that decompositions were made of, to learn decomposing from."""

    only_correct: bool = False
    thought: Thought = "tags"
    asked: Asked = "problem"
    traces: Path | None = None
    gold: bool = False
    """Only problems with a gold answer, each once: what reinforcement needs."""


def examples(table: Path, choice: Choice, left_out: Counter[str]) -> Iterator[Example]:
    """Raises InputError for a folder that is no table of traces or decompositions."""
    columns = set(stored_schema(shards(table)[0]).names)
    if {"steps", "annotator"} <= columns:
        if choice.only_correct and choice.traces is None:
            raise InputError(
                f"{table} holds decompositions, which do not say what is right: --only-correct goes with --traces DIR, "
                "the table that was decomposed"
            )
        found = _of_decompositions(table, choice, left_out)
    elif {"reasoning", "response"} <= columns:
        if choice.traces is not None:
            raise InputError(f"{table} holds traces itself: --traces goes with a table of decompositions")
        found = _of_traces(table, choice, left_out)
    else:
        raise InputError(f"{table} holds neither traces nor decompositions: there is nothing to learn from in it")
    return _with_gold(found, left_out) if choice.gold else found


def _of_traces(table: Path, choice: Choice, left_out: Counter[str]) -> Iterator[Example]:
    for trace in read_rows(table, TRACES):
        reply = _reply(trace, choice.thought)
        reason = _unusable(trace, choice, reply)
        if reason is not None:
            left_out[reason] += 1
            continue
        yield Example(
            id=trace.trace_id,
            problem_id=trace.problem_id,
            question=_question(trace.problem, choice),
            reply=reply,
            domain=trace.domain,
            answer=trace.answer,
            thought=trace.reasoning if choice.thought == "beside" else None,
            source=trace.source,
            license=trace.license,
            model=trace.teacher,
        )


def _unusable(trace: Trace, choice: Choice, reply: str) -> str | None:
    if not (trace.reasoning.strip() or trace.response.strip()):
        return "empty"
    if trace.finish_reason == "length":  # it would teach to stop in the middle
        return "truncated"
    if choice.only_correct and trace.is_correct is not True:
        return "not_correct"
    if not reply and choice.thought == "none":  # it would teach to say nothing
        return "no_reply"
    return None


def _reply(trace: Trace, thought: Thought) -> str:
    """Tags inside the texts would end the reasoning early for whoever reads them: they lose their brackets."""
    reasoning, response = (
        text.strip().replace(OPEN, "think").replace(CLOSE, "/think") for text in (trace.reasoning, trace.response)
    )
    if thought != "tags" or not reasoning:
        return response
    return f"{OPEN}\n{reasoning}\n{CLOSE}\n\n{response}".rstrip()


def _question(problem: str, choice: Choice) -> str:
    return problem if choice.asked == "problem" else student_messages(problem)[-1].content


def _of_decompositions(table: Path, choice: Choice, left_out: Counter[str]) -> Iterator[Example]:
    rows = iter(read_rows(table, DECOMPOSITIONS))
    while together := list(itertools.islice(rows, _TOGETHER)):
        found = texts([row.trace_id for row in together], [choice.traces]) if choice.traces else {}
        for row in together:
            text = found.get(row.trace_id)
            reason = "rejected" if row.status != "ok" else "no_steps" if not row.steps else None
            if reason is None and choice.traces is not None:
                reason = "no_trace" if text is None else "not_correct" if _is_wrong(text, choice) else None
            if reason is not None:
                left_out[reason] += 1
                continue
            system, question = None, _question(row.problem, choice)
            if text is not None:
                system, question = (turn.content for turn in gsrm_messages(row.problem, text.said))
            yield Example(
                id=row.trace_id,
                problem_id=row.problem_id,
                question=question,
                reply=render(row.steps, row.final_answer),
                domain=row.domain,
                answer=row.answer,
                system=system,
                model=row.annotator,
            )


def _is_wrong(text: Text, choice: Choice) -> bool:
    return choice.only_correct and text.is_correct is not True


def _with_gold(found: Iterator[Example], left_out: Counter[str]) -> Iterator[Example]:
    seen: set[str] = set()
    for example in found:
        if example.answer is None:
            left_out["no_answer"] += 1
        elif example.problem_id in seen:
            left_out["same_problem"] += 1
        else:
            seen.add(example.problem_id)
            yield example
