"""The rows that the page holds, in the shape in which its script shows them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rlkd_data.schema import DECOMPOSITIONS, TRACES, TableSchema
from rlkd_data.tables import REJECTED, is_table, read_table

LONGEST = 200_000
"""Characters of one text that the page holds."""

Row = dict[str, Any]
_SHARED = ("trace_id", "problem_id", "problem", "domain", "answer", "final_answer")
_OF_TRACES = (
    *_SHARED,
    "reasoning",
    "response",
    "teacher",
    "is_correct",
    "verification",
    "finish_reason",
    "usage",
    "source",
    "license",
)
_OF_STEPS = (*_SHARED, "status", "issues", "annotator", "steps", "kinds", "abandoned")


def trace_rows(traces: Collection[Path], decompositions: Collection[Path], chosen: Collection[str]) -> list[Row]:
    """A row for each decomposition with its trace, and for each trace without one, of the traces named in `chosen`.

    Rows of one problem stand together, in the order of the tables.
    """
    by_id: dict[str, Row] = {
        row["trace_id"]: row for folder in traces for row in _chosen(folder, TRACES, _OF_TRACES, chosen)
    }
    rows = []
    taken = set()
    for folder in decompositions:
        for found in _chosen(folder, DECOMPOSITIONS, _OF_STEPS, chosen):
            taken.add(found["trace_id"])
            rows.append(_decomposed(by_id.get(found["trace_id"]), found))
    rows += [_undecomposed(trace) for name, trace in by_id.items() if name not in taken]
    order: dict[str, int] = {}
    for row in [*by_id.values(), *rows]:
        order.setdefault(row["problem_id"], len(order))
    return sorted(rows, key=lambda row: order[row["problem_id"]])


def _chosen(folder: Path, schema: TableSchema, columns: Sequence[str], chosen: Collection[str]) -> Iterator[Row]:
    more = ("raw",) if schema is DECOMPOSITIONS else ()  # of rejected rows alone: as long as the steps
    for place, rejected in ((folder, False), (folder / REJECTED, True)):
        if is_table(place):
            wanted = (*columns, *more, "reason", "detail") if rejected else columns
            for batch in read_table(folder, schema, wanted, rejected=rejected):
                keep = [name in chosen for name in batch.column("trace_id").to_pylist()]
                yield from batch.filter(keep).to_pylist()


def _decomposed(trace: Row | None, found: Row) -> Row:
    reasoning, was_cut = cut(trace["reasoning"] if trace else "")
    reason = found.get("reason")
    return {
        **_common(trace, found),
        "reasoning": reasoning,
        "cut": was_cut,
        "status": "rejected" if reason or found["status"] == "rejected" else "ok",
        "reason": reason,
        "detail": found.get("detail"),
        "issues": found["issues"] or [],
        "annotator": found["annotator"],
        "final_answer": found["final_answer"],
        "steps": [step_values(step, reasoning) for step in found["steps"] or ()],
        "kinds": found["kinds"] or [],
        "abandoned": found["abandoned"],
        "raw": cut(found["raw"])[0] if reason else None,
    }


def _undecomposed(trace: Row) -> Row:
    reasoning, was_cut = cut(trace["reasoning"])
    reason = trace.get("reason")
    return {
        **_common(trace, trace),
        "reasoning": reasoning,
        "cut": was_cut,
        "status": "rejected" if reason else "not decomposed",
        "reason": reason,
        "detail": trace.get("detail"),
        "issues": [],
        "annotator": None,
        "final_answer": trace["final_answer"],
        "steps": [],
        "kinds": [],
        "abandoned": None,
        "raw": None,
    }


def _common(trace: Row | None, row: Row) -> Row:
    told: Mapping[str, Any] = trace or {}
    usage = told.get("usage") or {}
    return {
        "id": row["trace_id"],
        "problem_id": row["problem_id"],
        "problem": cut(row["problem"])[0],
        "domain": row["domain"],
        "answer": row["answer"],
        "has_trace": trace is not None,
        "response": cut(told.get("response") or "")[0],
        "teacher": told.get("teacher"),
        "correct": told.get("is_correct"),
        "verification": told.get("verification"),
        "finish_reason": told.get("finish_reason"),
        "tokens": usage.get("completion_tokens"),
        "source": told.get("source"),
        "license": told.get("license"),
    }


def step_values(step: Row, reasoning: str) -> list[Any]:
    """[meta-reasoning, sub-problem, answer, start, end]; the span in UTF-16 units, which is how a browser counts, or
    nulls where the step has none within the text."""
    start, end = step.get("span_start"), step.get("span_end")
    texts = [step["meta_reasoning"], step["sub_problem"], step["answer"]]
    if start is None or end is None or not 0 <= start < end <= len(reasoning):
        return [*texts, None, None]
    return [*texts, start + _astral(reasoning[:start]), end + _astral(reasoning[:end])]


def _astral(text: str) -> int:
    """How many characters of a text take two UTF-16 units."""
    return 0 if text.isascii() else sum(character > "\uffff" for character in text)


def cut(text: str) -> tuple[str, bool]:
    """A text of a length that a page can hold, and whether something was taken away."""
    return (text, False) if len(text) <= LONGEST else (text[:LONGEST], True)
