"""What a GSRM learns from: decompositions tables, and GSM8K-socratic gold, as prompt and completion.

The prompt is the zero-shot one that `decompose` and the structure reward use later for a local GSRM; the completion is
the decomposition in the tagged format.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlkd_data.errors import InputError
from rlkd_data.measure.gold import GoldRow, read_gold, read_row
from rlkd_data.schema import Domain, Step, content_hash
from rlkd_train.config import AugmentSettings, GsrmSettings
from rlkd_train.gsrm.meta_rules import MARK
from rlkd_train.gsrm.socratic import gold_steps
from rlkd_train.gsrm.solution_styles import Styled, plain, styled
from rlkd_train.sft.examples import Example

_TABLE_BATCH = 512
HUB_SOCRATIC = ("openai/gsm8k", "socratic", "train")


@dataclass(frozen=True, slots=True)
class Target:
    """A text to decompose, and what should come out."""

    problem: str
    reasoning: str
    domain: Domain
    steps: tuple[Step, ...]
    final_answer: str | None


def example(target: Target) -> Example:
    """The target as a conversation and the reply to learn."""
    from rlkd_data.prompts import gsrm_messages
    from rlkd_data.structure.render import render

    return Example(tuple(gsrm_messages(target.problem, target.reasoning)), render(target.steps, target.final_answer))


def socratic_rows(source: str) -> list[GoldRow]:
    """The rows of a GSM8K-socratic JSONL file, or `hub`: openai/gsm8k. Raises InputError naming file and line."""
    if source == "hub":
        return [read_row(record, "openai/gsm8k") for record in _hub_records()]
    return read_gold(Path(source))


def _hub_records() -> Iterator[Mapping[str, Any]]:
    """openai/gsm8k writes a row as `question ** answer` lines with a last line `#### 18`."""
    from datasets import load_dataset

    name, config, split = HUB_SOCRATIC
    for number, record in enumerate(load_dataset(name, config, split=split)):
        *lines, last = record["answer"].splitlines()
        steps = [line.split(" ** ", 1) for line in lines if " ** " in line]
        yield {
            "id": f"gsm8k-{split}-{number}",
            "problem": record["question"],
            "answer": last.removeprefix("####").strip(),
            "steps": [
                {"question": question, "answer": MARK.sub("", raw), "answer_raw": raw} for question, raw in steps
            ],
        }


@dataclass(frozen=True, slots=True)
class Sources:
    """GSM8K-socratic rows to train on, and the last rows, which are never trained on."""

    train: tuple[GoldRow, ...] = ()
    held_out: tuple[GoldRow, ...] = ()


def load_sources(settings: GsrmSettings) -> Sources:
    """Raises InputError where the settings name nothing to learn from, or hold everything out."""
    if settings.socratic is None:
        if not settings.decompositions:
            raise InputError("nothing to train the GSRM on: set `socratic` (a JSONL file or `hub`) or `decompositions`")
        return Sources()
    rows = socratic_rows(settings.socratic)
    at = len(rows) - settings.held_out
    if at <= 0:
        raise InputError(
            f"held_out is {settings.held_out}, but {settings.socratic} has {len(rows)} rows: lower held_out"
        )
    return Sources(tuple(rows[:at][: settings.limit]), tuple(rows[at:]))


def targets(settings: GsrmSettings, sources: Sources) -> Iterator[Target]:
    """Everything that the settings ask to train on."""
    yield from socratic_targets(sources.train, settings.augment, settings.seed)
    if settings.decompositions:
        yield from table_targets(settings.decompositions, settings.traces)


def socratic_targets(rows: Sequence[GoldRow], augment: AugmentSettings, seed: int) -> Iterator[Target]:
    """Every row as it is, then `augment.variants` other ways of writing each. A row's variants depend on the seed, the
    row and the variant's number alone."""
    for row in rows:
        yield socratic_target(plain(row))
    for variant in range(augment.variants):
        for row in rows:
            yield socratic_target(_variant(row, augment, seed, variant))


def _variant(row: GoldRow, augment: AugmentSettings, seed: int, number: int) -> Styled:
    return styled(row, random.Random(content_hash(seed, row.row_id, number)), augment)


def held_out_texts(settings: GsrmSettings, rows: Sequence[GoldRow]) -> dict[str, list[Styled]]:
    """What a trained GSRM is measured on: each held-out solution as it is, and rewritten once by the same rules."""
    return {
        "held_out": [plain(row) for row in rows],
        "held_out_rewritten": [_variant(row, settings.augment, settings.seed, 0) for row in rows],
    }


def socratic_target(text: Styled) -> Target:
    """What a GSRM should make of one way of writing a solution: the steps that are in it, and the final answer where
    the solution is whole."""
    return Target(
        problem=text.row.problem,
        reasoning=text.text,
        domain="math",
        steps=gold_steps(text.row)[: text.kept],
        final_answer=text.row.answer if text.complete else None,
    )


def table_targets(decompositions: Sequence[Path], traces: Sequence[Path]) -> Iterator[Target]:
    """The ok rows of decompositions tables, each with the reasoning that it decomposes.

    Holds some hundred rows at a time. Raises InputError where a row's trace is in none of the traces tables.
    """
    from rlkd_data.decompose.texts import texts
    from rlkd_data.schema import DECOMPOSITIONS
    from rlkd_data.tables import read_rows

    for folder in decompositions:
        ok = (row for row in read_rows(folder, DECOMPOSITIONS) if row.status == "ok")
        while rows := list(itertools.islice(ok, _TABLE_BATCH)):
            found = texts({row.trace_id for row in rows}, traces)
            for row in rows:
                if row.trace_id not in found:
                    raise InputError(
                        f"{folder}: trace {row.trace_id} is in none of the tables that `traces` names: add the table "
                        "that was decomposed"
                    )
                yield Target(row.problem, found[row.trace_id].said, row.domain, row.steps, row.final_answer)
