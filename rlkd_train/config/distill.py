"""The settings of `rlkd-train distill`: on-policy distillation (arXiv 2306.13649), the rival of RLKD that needs no
reward."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, NonNegativeFloat, PositiveInt, field_validator, model_validator

from rlkd_train.config.shared import OptimSettings, StudentSettings
from rlkd_train.config.trl import Config


class DistillSettings(StudentSettings):
    """`rlkd-train distill`: a teacher says how likely it finds each token of the student's own completions."""

    trl_config: ClassVar[Config] = "DistillationConfig"

    traces: tuple[Path, ...] = Field(description="tables with the problems", examples=[["runs/traces"]])
    teacher: str = Field(
        description="local name, folder or Hub id of the teacher, whose tokens are the student's; with teacher_url, "
        "the name that its server has for it",
        examples=["deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"],
    )
    teacher_url: str | None = Field(
        None,
        description="vLLM server that says the teacher's log-probabilities (as http://127.0.0.1:8000/v1); default: the "
        "teacher is loaded beside the student",
    )
    teacher_top: PositiveInt = Field(
        1, description="likeliest tokens that a server tells of each place; more than 1 with divergence: 0 alone"
    )
    limit: PositiveInt | None = Field(None, description="take this many problems")
    optim: OptimSettings = Field(
        OptimSettings.usual(learning_rate=5e-5, max_grad_norm=0.2), description="rates, batches and checkpoints"
    )
    steps: PositiveInt = Field(100, description="optimiser steps")
    prompts_per_step: PositiveInt = Field(32, description="prompts of one step, each with one completion")
    max_prompt: PositiveInt | None = Field(
        None, description="longest prompt, in tokens; problems with longer ones are left out"
    )
    max_completion: PositiveInt = Field(4096, description="longest completion, in tokens")
    temperature: float = Field(
        0.7,
        gt=0,
        description="of the completions, and of both distributions in the loss, unless a server says the teacher's: "
        "that is of 1, and so is the loss then",
    )
    divergence: NonNegativeFloat = Field(
        1.0,
        le=1,
        description="1: reverse KL, which keeps to what the teacher finds likely; 0: forward KL; between: JSD",
    )

    @field_validator("teacher_url")
    @classmethod
    def _an_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("write it as http://HOST:PORT/v1")
        return value

    @model_validator(mode="after")
    def _steps_are_of_prompts(self) -> Self:
        self.optim.check_of_prompts("prompts_per_step and optim.micro_batch")
        return self

    @model_validator(mode="after")
    def _what_a_server_tells(self) -> Self:
        if self.teacher_top > 1 and (self.divergence > 0 or self.teacher_url is None):
            raise ValueError("teacher_top: more than one token goes with a teacher_url and divergence: 0")
        return self
