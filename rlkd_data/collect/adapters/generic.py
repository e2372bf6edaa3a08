"""Rows with plain columns: a problem, and perhaps its answer, a reasoning, a response, a model, a domain."""

from __future__ import annotations

from collections.abc import Sequence

from rlkd_data.answers.final import answer_of_reply
from rlkd_data.collect.adapters.base import Adapter, Record, SourceRow, as_domain, gold, required, share, text
from rlkd_data.collect.normalise import split_reasoning

PROBLEM = ("problem", "question", "prompt", "instruction")
REASONING = ("reasoning", "reasoning_content", "thinking", "thinking_trajectories", "reasoning_trace")
RESPONSE = ("response", "completion", "output", "solution", "attempt", "generation")
ANSWER = ("answer", "final_answer", "gold", "target", "ground_truth", "expected_answer", "gold_answer")


def read(record: Record) -> SourceRow:
    """A row of problem, answer, options and, in the columns named above, reasoning and response; a response that holds
    the reasoning between tags is taken apart."""
    problem = _with_options(_with_input(record, required(record, *PROBLEM)), record.get("options"))
    reasoning, response = text(record, *REASONING), text(record, *RESPONSE)
    answer = gold(record, *ANSWER, problem=problem)
    said = None
    if reasoning is not None or response is not None:
        parts = split_reasoning(response or "", reasoning)
        reasoning, response = parts.reasoning, parts.response
        said = text(record, "predicted") or answer_of_reply(response, reasoning)
    return SourceRow(
        problem=problem,
        answer=answer,
        domain=as_domain(text(record, "domain")),
        reasoning=reasoning,
        response=response,
        final_answer=said,
        teacher=text(record, "teacher", "model", "generator"),
        source=text(record, "source"),
        license=text(record, "license", "licence"),
        pass_rate=share(record.get("pass_rate")),
    )


def _with_input(record: Record, problem: str) -> str:
    """Alpaca's `input` is what its `instruction` speaks of."""
    given = text(record, "input")
    return f"{problem}\n\n{given}" if given and problem == text(record, "instruction") else problem


def _with_options(problem: str, options: object) -> str:
    if not isinstance(options, Sequence) or isinstance(options, str) or not options:
        return problem
    lines = [f"{chr(ord('A') + number)}. {option}" for number, option in enumerate(options)]
    return "\n".join([problem, "", *lines])


def _adapter(name: str) -> Adapter:
    return Adapter("generic", frozenset({name}), read, fits=lambda record: not isinstance(record[name], (list, dict)))


GENERIC = tuple(_adapter(name) for name in PROBLEM)
