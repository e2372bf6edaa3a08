"""The settings of `rlkd-train grpo`.

The rate, its warm-up, the clipped norm, generations, temperature and lengths are the paper's (arXiv 2505.16142, section
4.1); 32 completions a step, and a loss that is the mean over a micro-batch's tokens (`trl.loss_type: bnpo`), are its
reference implementation's, which trains all weights (`lora.r: 0`).
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt, field_validator, model_validator

from rlkd_data.config import GradingSettings, later, runtime
from rlkd_train.config.on_the_way import EvaluationSettings
from rlkd_train.config.reward import RewardSettings
from rlkd_train.config.shared import OptimSettings, StudentSettings
from rlkd_train.config.structure import StructureSettings
from rlkd_train.config.trl import Config


class GrpoSettings(GradingSettings, RewardSettings, StudentSettings):
    """`rlkd-train grpo`: GRPO on the student with the structure reward (RLKD, section 3.3)."""

    trl_config: ClassVar[Config] = "GRPOConfig"

    traces: tuple[Path, ...] = Field(description="tables with the problems", examples=[["runs/traces"]])
    decompositions: tuple[Path, ...] = Field(
        (),
        description="tables with the teacher's decompositions of them; needed where structure counts; given without, "
        "they leave the same problems in",
        examples=[["runs/steps"]],
    )
    limit: PositiveInt | None = Field(None, description="take this many problems")
    skip_missing: bool = Field(False, description="leave out problems without a decomposition of a teacher")
    optim: OptimSettings = Field(
        OptimSettings.usual(learning_rate=5e-5, max_grad_norm=0.2), description="rates, batches and checkpoints"
    )
    steps: PositiveInt = Field(100, description="optimiser steps")
    generations: int = Field(4, description="completions a prompt, at least 2: an advantage compares them")
    prompts_per_step: PositiveInt = Field(8, description="prompts of one step, each with its group of completions")
    max_prompt: PositiveInt | None = later(
        None, description="longest prompt, in tokens; problems with longer ones are left out; the paper: 1024"
    )
    max_completion: PositiveInt = Field(4096, description="longest completion, in tokens")
    temperature: float = Field(0.7, gt=0, description="how freely the completions' tokens are drawn")
    beta: NonNegativeFloat = Field(0.0, description="weight of the KL term; 0: no reference model is loaded")
    credit: Literal["completion", "step"] = Field(
        "completion",
        description="tokens that the structure reward goes to: all of the completion, as in the paper, or those of the "
        "steps that earned it",
    )
    structure: StructureSettings = Field(StructureSettings.usual(), description="how structure is scored")
    dynamic_sampling: int = later(
        0,
        ge=0,
        description="times that other problems are drawn in place of those whose completions all score alike (DAPO)",
    )
    evaluation: EvaluationSettings | None = later(None, description="evaluations on held-out problems on the way")
    max_unscored: float = runtime(
        0.5, gt=0, le=1, description="share of a step's completions that may go without a score; more stop the run"
    )

    @property
    def told(self) -> str:
        """How structure is scored and credited, for a log."""
        if not self.asks_structure:
            return "structure: nobody is asked"
        return f"{self.structure.told}, credit {self.credit}"

    @property
    def drawn_at_once(self) -> int:
        """Completions that are drawn at a time: a step's, unless `trl.steps_per_generation` says how many micro-batches
        of `optim.micro_batch`, whatever the number of processes."""
        several = self.trl.get("steps_per_generation")
        return self.prompts_per_step * self.generations if several is None else several * self.optim.micro_batch

    @model_validator(mode="after")
    def _something_is_learned(self) -> GrpoSettings:
        if not any(self.weight_of(part) for part in self.parts if part != "penalty"):
            raise ValueError("every part of the reward weighs 0, so nothing would be learned: see `weights`")
        several = self.trl.get("steps_per_generation")
        if several is not None and self.drawn_at_once % self.generations:
            raise ValueError(
                f"trl.steps_per_generation {several} × optim.micro_batch {self.optim.micro_batch} completions are no "
                f"whole groups of generations {self.generations}"
            )
        return self

    @model_validator(mode="after")
    def _evaluation_asks_as_training_does(self) -> GrpoSettings:
        if self.evaluation is not None and self.trl.get("chat_template_kwargs"):
            raise ValueError(
                "evaluation does not hear trl.chat_template_kwargs, so it would ask otherwise than training does: set "
                "the switches in a template of your own (chat_template: FILE)"
            )
        return self

    @model_validator(mode="after")
    def _steps_are_of_prompts(self) -> GrpoSettings:
        self.optim.check_of_prompts("prompts_per_step, generations and optim.micro_batch")
        return self

    @model_validator(mode="after")
    def _trl_goes_with_the_rest(self) -> GrpoSettings:
        given = self.trl
        if given.get("sync_ref_model") and self.beta == 0:
            raise ValueError("trl.sync_ref_model moves the reference of the KL term: give beta above 0")
        if given.get("sync_ref_model") and self.lora.r:
            raise ValueError("trl.sync_ref_model needs a reference model of its own: with an adapter there is none")
        over_groups = given.get("multi_objective_aggregation", "sum_then_normalize") == "sum_then_normalize"
        scale = given.get("scale_rewards", "group")
        if self.credit == "step" and not (over_groups and scale in ("group", True)):
            raise ValueError(
                "credit: step goes with trl.multi_objective_aggregation: sum_then_normalize and scale_rewards: group"
            )
        if self.dynamic_sampling and not (over_groups and scale != "batch"):
            raise ValueError(
                "dynamic_sampling fills a step from several draws, so an advantage may depend on its own group alone: "
                "it goes with trl.multi_objective_aggregation: sum_then_normalize and scale_rewards: group or none"
            )
        return self

    @model_validator(mode="after")
    def _structure_needs_teachers(self) -> GrpoSettings:
        if self.asks_structure and not self.decompositions:
            raise ValueError(
                "structure counts or is measured, which needs the teachers' `decompositions`; for outcome alone set "
                "weights.structure: 0"
            )
        return self

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
