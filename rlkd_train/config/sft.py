"""The settings of `rlkd-train sft`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, PositiveInt

from rlkd_data.config import later
from rlkd_train.config.on_the_way import EvaluationSettings
from rlkd_train.config.shared import MaxSteps, StudentSettings


class SftSettings(StudentSettings):
    """`rlkd-train sft`: the student learns the teacher's traces."""

    traces: tuple[Path, ...] = Field(description="folders of traces tables", examples=[["runs/traces"]])
    only_correct: bool = Field(False, description="leave out traces whose answer is not verified as right")
    keep_wrong: bool = Field(False, description="learn from traces whose answer was found wrong as well")
    think_tags: bool = Field(True, description="put the reasoning into <think>…</think> before the response")
    epochs: float = Field(1.0, gt=0, description="times that every row is learned from")
    max_steps: MaxSteps = Field(-1, description="stop after so many optimiser steps; -1: by epochs")
    max_length: PositiveInt = Field(4096, description="tokens of a sequence; longer ones are left out and counted")
    evaluation: EvaluationSettings | None = later(None, description="evaluations on held-out problems on the way")
