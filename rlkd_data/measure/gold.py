"""Gold decompositions: GSM8K-socratic rows, whose sub-questions and answers were written by people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlkd_data.errors import InputError


@dataclass(frozen=True, slots=True)
class GoldStep:
    """A sub-question and its answer; `answer_raw` keeps the calculator marks (`<<16-3-4=9>>`)."""

    question: str
    answer: str
    answer_raw: str


@dataclass(frozen=True, slots=True)
class GoldRow:
    row_id: str
    problem: str
    answer: str
    steps: tuple[GoldStep, ...]


def read_gold(path: Path) -> list[GoldRow]:
    """The rows of a JSONL file. Raises InputError naming file and line."""
    rows = []
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    rows.append(read_row(json.loads(line), f"{path}:{number}"))
    except OSError as error:
        raise InputError(f"cannot read gold decompositions from {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON Lines: {error}") from error
    return rows


def read_row(record: Mapping[str, Any], where: str = "GSM8K-socratic") -> GoldRow:
    """A row of the JSONL file. A step without question or answer (there are a few) is left out.

    Raises InputError where a column is missing or a row has no step.
    """
    try:
        steps = tuple(
            GoldStep(
                " ".join(step["question"].split()),
                " ".join(step["answer"].split()),
                step.get("answer_raw") or step["answer"],
            )
            for step in record["steps"]
            if step["question"].strip() and step["answer"].strip()
        )
        row = GoldRow(str(record["id"]), record["problem"], str(record["answer"]), steps)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{where}: a row needs id, problem, answer and steps (question, answer, answer_raw): {error!r}"
        ) from error
    if not steps:
        raise InputError(f"{where}: row {row.row_id} has no step with a question and an answer")
    return row
