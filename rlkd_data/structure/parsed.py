"""What reading a reply gives: its steps, or the reason why it has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rlkd_data.schema import Step

FailureCode = Literal[
    "empty_text",
    "no_markers",
    "missing_part",
    "repeated_part",
    "empty_part",
    "numbers_disagree",
    "numbering_restarts",
    "incomplete_last_step",
    "text_after_final_answer",
    "no_json",
    "broken_json",
    "wrong_shape",
    "two_readings",
    "thought_only",
    "thought_with_steps",
]
Note = Literal[
    "text_before",
    "renumbered",
    "unnumbered",
    "reference_markers",
    "unbracketed",
    "unfenced",
    "text_after",
    "latex_unescaped",
    "repaired_json",
    "thought_cut",
    "titles",
    "one_line",
    "tags",
    "table",
    "other_form",
]


@dataclass(frozen=True, slots=True)
class Parsed:
    """The steps of a reply, numbered from 1. `notes` are codes of what was overlooked on the way."""

    steps: tuple[Step, ...]
    final_answer: str | None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class ParseFailure:
    """Why a reply cannot be read: a code, and where."""

    code: FailureCode
    detail: str
