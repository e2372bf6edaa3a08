"""What a page shows, as plain values, read from folders of tables and runs."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rlkd_data.errors import InputError
from rlkd_data.identity import read_stage
from rlkd_data.schema import DECOMPOSITIONS, TRACES, TableSchema
from rlkd_data.tables import REJECTED, count_rows, is_table, read_foreign, read_table, shards, stored_schema

MOST_ROWS = 2000
"""Traces, and completions of a run, that a page holds; of more, a random sample with a fixed seed."""


def gather(folders: Sequence[Path]) -> dict[str, Any]:
    """Everything for the page. Raises InputError for a folder that holds neither a table nor a run."""
    stages, runs = [], []
    traces: dict[str, dict[str, Any]] = {}
    decompositions: list[dict[str, Any]] = []
    total = 0
    for folder in folders:
        made_by = read_stage(folder) or {}
        kind = made_by.get("stage")
        stages.append(_stage(folder, made_by))
        if (folder / "log.jsonl").exists():
            runs.append(_run(folder))
        elif kind == "eval":
            continue
        elif _holds(folder, DECOMPOSITIONS):
            decompositions.extend(_rows(folder, DECOMPOSITIONS))
        elif _holds(folder, TRACES):
            total += count_rows(folder)
            traces |= {row["trace_id"]: row for row in _rows(folder, TRACES)}
        elif not made_by:
            raise InputError(f"{folder} holds neither a table nor a run of rlkd")
    return {
        "stages": stages,
        "runs": runs,
        "rows": _joined(traces, decompositions),
        "total_traces": total,
        "shown_at_most": MOST_ROWS,
    }


def _stage(folder: Path, made_by: dict[str, Any]) -> dict[str, Any]:
    result = made_by.get("result") or {}
    return {
        "name": folder.name,
        "folder": str(folder),
        "stage": made_by.get("stage", "table"),
        "status": made_by.get("status", ""),
        "finished_at": made_by.get("finished_at"),
        "counts": result.get("counts", {}),
        "figures": result.get("figures", {}),
        "cost_usd": result.get("cost_usd"),
        "settings": made_by.get("settings", {}),
        "versions": made_by.get("versions", {}),
    }


def _holds(folder: Path, schema: TableSchema) -> bool:
    """Whether a folder's shards, or its rejected rows', are of this table."""
    for place in (folder, folder / REJECTED):
        if is_table(place):
            return set(schema.arrow.names) <= set(stored_schema(shards(place)[0]).names)
    return False


def _rows(folder: Path, schema: TableSchema) -> Iterator[dict[str, Any]]:
    for place, rejected in ((folder, False), (folder / REJECTED, True)):
        if is_table(place):
            for batch in read_table(folder, schema, rejected=rejected):
                for row in batch.to_pylist():
                    yield row | {"rejected": row.get("reason") if rejected else None}


def _joined(traces: dict[str, dict[str, Any]], decompositions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each decomposition with its trace, and for each trace without one."""
    rows = []
    left = dict(traces)
    for found in decompositions:
        left.pop(found["trace_id"], None)
        rows.append(_row(traces.get(found["trace_id"]), found))
    rows.extend(_row(trace, None) for trace in left.values())
    if len(rows) > MOST_ROWS:
        rows = random.Random(0).sample(rows, MOST_ROWS)
    return rows


def _row(trace: dict[str, Any] | None, found: dict[str, Any] | None) -> dict[str, Any]:
    one = trace or found or {}
    reason = (found or {}).get("rejected") or (trace or {}).get("rejected")
    return {
        "id": one["trace_id"],
        "problem": one["problem"],
        "domain": one["domain"],
        "answer": one["answer"],
        "teacher": (trace or {}).get("teacher"),
        "reasoning": (trace or {}).get("reasoning", ""),
        "response": (trace or {}).get("response", ""),
        "correct": (trace or {}).get("is_correct"),
        "verification": (trace or {}).get("verification"),
        "license": (trace or {}).get("license"),
        "source": (trace or {}).get("source"),
        "annotator": (found or {}).get("annotator"),
        "final_answer": (found or trace or {}).get("final_answer"),
        "status": "rejected" if reason else "ok" if found else "not decomposed",
        "reason": reason,
        "issues": list((found or {}).get("issues") or []),
        "steps": [
            [step["meta_reasoning"], step["sub_problem"], step["answer"], step["span_start"], step["span_end"]]
            for step in (found or {}).get("steps") or []
        ],
        "raw": found["raw"] if found and reason else None,
    }


def _run(folder: Path) -> dict[str, Any]:
    log = []
    for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines():
        try:
            log.append(json.loads(line))
        except ValueError:  # the line that a kill cut short
            continue
    completions: list[dict[str, Any]] = []
    place = folder / "completions"
    if is_table(place):
        completions = [row for shard in shards(place) for row in read_foreign(shard)]
        if len(completions) > MOST_ROWS:
            completions = random.Random(0).sample(completions, MOST_ROWS)
    numbers = [{k: v for k, v in line.items() if isinstance(v, (int, float))} for line in log]
    return {"name": folder.name, "log": numbers, "completions": completions}
