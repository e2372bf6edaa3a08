"""The settings of `rlkd-train grpo`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveInt, field_validator, model_validator

from rlkd_data.config import GradingSettings, later, runtime
from rlkd_train.config.reward import GuardsSettings, RewardWeights
from rlkd_train.config.shared import OptimSettings, StudentSettings
from rlkd_train.config.structure import StructureSettings


class GrpoSettings(GradingSettings, StudentSettings):
    """`rlkd-train grpo`: GRPO on the student with the structure reward (RLKD, section 3.3)."""

    traces: tuple[Path, ...] = Field(description="tables with the problems", examples=[["runs/traces"]])
    decompositions: tuple[Path, ...] = Field(
        description="tables with the teacher's decompositions of them", examples=[["runs/steps"]]
    )
    limit: PositiveInt | None = Field(None, description="take this many problems")
    skip_missing: bool = Field(False, description="leave out problems without a decomposition of a teacher")
    optim: OptimSettings = Field(
        OptimSettings.usual(learning_rate=5e-5, max_grad_norm=0.2), description="rates, batches and checkpoints"
    )
    steps: PositiveInt = Field(100, description="optimiser steps")
    generations: int = Field(4, description="completions a prompt, at least 2: an advantage compares them")
    prompts_per_step: PositiveInt = Field(4, description="prompts of one step, each with its group of completions")
    max_prompt: PositiveInt | None = later(
        None, description="longest prompt, in tokens; problems with longer ones are left out; the paper: 1024"
    )
    max_completion: PositiveInt = Field(4096, description="longest completion, in tokens")
    temperature: float = Field(0.7, gt=0, description="how freely the completions' tokens are drawn")
    beta: NonNegativeFloat = Field(0.0, description="weight of the KL term; 0: no reference model is loaded")
    weights: RewardWeights = Field(RewardWeights.usual(), description="weights of the reward's parts")
    credit: Literal["completion", "step"] = Field(
        "completion",
        description="tokens that the structure reward goes to: all of the completion, as in the paper, or those of the "
        "steps that earned it",
    )
    structure: StructureSettings = Field(StructureSettings.usual(), description="how structure is scored")
    guards: GuardsSettings = Field(GuardsSettings.usual(), description="signals that the reward is being gamed")
    max_unscored: float = runtime(
        0.5, gt=0, le=1, description="share of a step's completions that may go without a score; more stop the run"
    )

    @property
    def told(self) -> str:
        """How structure is scored and credited, for a log."""
        return f"{self.structure.told}, credit {self.credit}"

    @model_validator(mode="after")
    def _credit_needs_structure(self) -> GrpoSettings:
        if self.credit == "step" and self.weights.of("structure") == 0:
            raise ValueError("credit: step gives the structure reward to the steps that earned it, but its weight is 0")
        return self

    @field_validator("generations")
    @classmethod
    def _a_group_needs_two(cls, value: int) -> int:
        if value < 2:
            raise ValueError("an advantage compares the completions of a group, so a group needs at least 2")
        return value
