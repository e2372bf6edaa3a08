"""The settings of evaluations on the way: what `evaluation:` in a training stage's file loads into."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from rlkd_data.config import GradingSettings, JudgeSettings, SamplingSettings
from rlkd_train.config.structure import StructureSettings


class EvaluationSettings(GradingSettings):
    """Evaluations on the way: the model is sampled on held-out problems every so many steps, as `rlkd-train eval`
    does."""

    problems: tuple[Path, ...] = Field(
        description="traces tables with the problems, none of which is trained on", examples=[["runs/held_out"]]
    )
    decompositions: tuple[Path, ...] = Field((), description="the teacher's of these problems, to measure structure")
    every: PositiveInt = Field(50, description="steps between two evaluations; the last step is evaluated too")
    at_start: bool = Field(True, description="evaluate before the first step")
    k: PositiveInt = Field(1, description="completions a problem")
    limit: PositiveInt | None = Field(None, description="take this many problems")
    sampling: SamplingSettings = Field(
        SamplingSettings.usual(temperature=0.7, max_tokens=4096), description="how completions are drawn"
    )
    structure: StructureSettings | None = Field(
        None, description="how structure is scored; null: as in training, or by default where training scores none"
    )
    paths: JudgeSettings | None = Field(
        None, description="who says whether two completions' steps are the same; null: same_step as it is by default"
    )
    figures: tuple[str, ...] = Field((), description="figures that are kept of each, as pass@1; default: all")
    best: str | None = Field(
        None, description="figure by which the best weights are kept in best/; a length or a loss is best where lowest"
    )
    patience: PositiveInt | None = Field(
        None, description="evaluations in a row without a better best figure that end the training; null: none do"
    )
    least_gain: NonNegativeFloat = Field(0.0, description="a figure is better where it is so by more than this")

    @model_validator(mode="after")
    def _patience_is_with_a_figure(self) -> EvaluationSettings:
        if self.patience is not None and self.best is None:
            raise ValueError("patience waits for a better figure: name it, as best: pass@1")
        if self.structure is not None and not self.decompositions:
            raise ValueError("structure is measured against a teacher: give its decompositions of these problems")
        return self
