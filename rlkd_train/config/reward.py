"""What a GRPO reward is made of: the weights of its parts, and the guards."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeFloat, model_validator

from rlkd_data.config import Settings

COMPONENTS = ("structure", "accuracy", "format", "tag_count", "penalty")
"""The parts of a GRPO reward, each a reward function of its own to TRL."""


class RewardWeights(Settings):
    """Weights of the reward's parts; a part of weight 0 is measured and logged, but does not count.

    With `alpha` the total is the paper's, alpha · structure + (1 − alpha) · accuracy (RLKD, section 3.3), in place of
    those two weights. What guards subtract counts as it is.
    """

    alpha: float | None = Field(
        None, ge=0, le=1, description="the paper's: structure weighs alpha, accuracy 1 - alpha, in place of those two"
    )
    structure: NonNegativeFloat = Field(0.5, description="weight of the alignment with the teacher's steps")
    accuracy: NonNegativeFloat = Field(0.5, description="weight of a right final answer")
    format: NonNegativeFloat = Field(0.1, description="weight of the form: a <think> block, then an answer in a box")
    tag_count: NonNegativeFloat = Field(
        0.0, description="weight of the form in parts: each tag and box that stands once"
    )

    @model_validator(mode="after")
    def _alpha_or_both(self) -> RewardWeights:
        plain = {name: RewardWeights.model_fields[name].default for name in ("structure", "accuracy")}
        if self.alpha is not None and any(getattr(self, name) != value for name, value in plain.items()):
            raise ValueError("alpha stands for the weights of structure and accuracy: give it, or those two")
        return self

    def of(self, component: str) -> float:
        """The weight of one of COMPONENTS."""
        if component == "penalty":
            return 1.0
        if self.alpha is not None and component in ("structure", "accuracy"):
            return self.alpha if component == "structure" else 1.0 - self.alpha
        return float(getattr(self, component))


class GuardSettings(Settings):
    """What follows where a completion gives a signal of gaming: it is logged, costs `amount` of the completion's total,
    or stops the run once `share` of a step's completions give it."""

    action: Literal["log", "subtract", "stop"] = Field("log", description="what follows from the signal")
    amount: NonNegativeFloat = Field(0.5, description="what subtract takes from a completion's total")
    share: float = Field(0.25, gt=0, le=1, description="share of a step's completions from which stop stops")


class RunGuardSettings(Settings):
    """What follows where the last `window` steps of a run give a signal. (To subtract from all completions alike would
    change no advantage.)"""

    action: Literal["log", "stop"] = Field("log", description="what follows from the signal")
    window: int = Field(20, ge=4, description="last steps that are looked at")


class GuardsSettings(Settings):
    """Signals that the reward is being gamed (`reward/guards.py` says how each is told)."""

    step_padding: GuardSettings = Field(
        GuardSettings.usual(), description="many more steps than the teacher's, or steps that find out nothing"
    )
    repeated_steps: GuardSettings = Field(GuardSettings.usual(), description="steps whose answers say the same again")
    said_twice: GuardSettings = Field(
        GuardSettings.usual(action="subtract"), description="nearly half of the steps come again, as of a whole copied"
    )
    teacher_copy: GuardSettings = Field(GuardSettings.usual(), description="phrases that are the teacher's own")
    marker_injection: GuardSettings = Field(
        GuardSettings.usual(), description="markers of a decomposition in the completion"
    )
    judge_injection: GuardSettings = Field(GuardSettings.usual(), description="words to the judge in the completion")
    structure_without_accuracy: RunGuardSettings = Field(
        RunGuardSettings.usual(), description="structure rises while accuracy falls"
    )
    no_variance: RunGuardSettings = Field(
        RunGuardSettings.usual(), description="groups whose completions all score alike"
    )
