"""The settings of `rlkd-train gsrm`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, PositiveInt

from rlkd_data.config import Settings, runtime
from rlkd_train.config.shared import MaxSteps, TrainSettings


class AugmentSettings(Settings):
    """How GSM8K-socratic solutions are rewritten, so that a GSRM copes with what students write. Shares are
    probabilities for one variant (`solution_styles.RECIPE` says what each rule does)."""

    variants: int = Field(4, ge=0, description="other ways of writing each row, besides the plain one")
    cut: float = Field(0.2, ge=0, le=1, description="share that stops before its end")
    wrong: float = Field(0.2, ge=0, le=1, description="share with a wrong result, and what follows from it")
    layout: float = Field(0.5, ge=0, le=1, description="share laid out otherwise: on one line, numbered, as bullets")
    preamble: float = Field(0.3, ge=0, le=1, description="share with an opening that says nothing")
    ending: float = Field(0.4, ge=0, le=1, description="share with a closing sentence that gives the answer")
    marks: float = Field(0.1, ge=0, le=1, description="share with GSM8K's calculator marks left in")


class GsrmSettings(TrainSettings):
    """`rlkd-train gsrm`: a local model learns to decompose."""

    decompositions: tuple[Path, ...] = Field((), description="tables whose ok rows are the targets")
    traces: tuple[Path, ...] = Field((), description="the traces that those rows decompose")
    socratic: str | None = Field(
        None, description="GSM8K-socratic, a JSONL file, or hub for openai/gsm8k; this or decompositions is needed"
    )
    limit: PositiveInt | None = Field(None, description="train on this many GSM8K-socratic rows alone")
    augment: AugmentSettings = Field(
        AugmentSettings.usual(), description="how GSM8K-socratic solutions are written in other ways as well"
    )
    held_out: int = Field(200, ge=0, description="the last rows, never trained on, that the card's figures come from")
    measure: int | None = Field(None, ge=0, description="measure on this many of the held-out rows; default: on all")
    measure_batch: PositiveInt = runtime(16, description="held-out rows decomposed at a time")
    measure_tokens: PositiveInt = Field(1024, description="tokens of a measured reply, at most")
    epochs: float = Field(1.0, gt=0, description="times that every row is learned from")
    max_steps: MaxSteps = Field(-1, description="stop after so many optimiser steps; -1: by epochs")
    max_length: PositiveInt = Field(25000, description="tokens of a sequence; longer ones are left out and counted")
