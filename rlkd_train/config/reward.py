"""What a GRPO reward is made of: the weights of its parts, and the guards."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveInt, field_validator, model_validator

from rlkd_data.config import Settings, later

COMPONENTS = ("structure", "accuracy", "format", "tag_count", "penalty")
SHAPING = ("length", "overlong", "repetition", "language")
PARTS = (*COMPONENTS, *SHAPING)
"""The parts of a GRPO reward, each a reward function of its own to TRL where it counts or is measured."""
Component = Literal["structure", "length", "overlong", "repetition", "language"]
"""Those that are left out unless they weigh something or `measure` names them."""


class RewardWeights(Settings):
    """Weights of the reward's parts. One of weight 0 does not count: accuracy and form, which cost nothing, are logged
    all the same; for structure nobody is asked, unless `measure` names it.

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

    length: NonNegativeFloat = later(
        0.0,
        description="weight of the cosine of the length: a right answer gains by being short, a wrong one by length",
    )
    overlong: NonNegativeFloat = later(
        0.0, description="weight of DAPO's soft punishment of what is nearly, or quite, too long"
    )
    repetition: NonNegativeFloat = later(0.0, description="weight of the punishment of phrases that come again")
    language: NonNegativeFloat = later(
        0.0, description="weight of the share of words in the script that the problem is written in"
    )

    @model_validator(mode="after")
    def _alpha_or_both(self) -> RewardWeights:
        plain = {name: RewardWeights.model_fields[name].default for name in ("structure", "accuracy")}
        if self.alpha is not None and any(getattr(self, name) != value for name, value in plain.items()):
            raise ValueError("alpha stands for the weights of structure and accuracy: give it, or those two")
        return self

    def of(self, component: str) -> float:
        """The weight of one of PARTS."""
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


class OwnRewardSettings(Settings):
    """A reward of one's own: a function with TRL's signature, `f(completions, prompts, completion_ids, problem, answer,
    domain, problem_id, trainer_state, **more)`, that gives a number for each completion, or None."""

    function: str = Field(description="where it is, as my.module:function", examples=["my.module:function"])
    weight: float = Field(1.0, description="what it weighs beside the other parts")
    name: str | None = Field(None, description="what the log calls it; default: the function's name")

    @property
    def named(self) -> str:
        return self.name or self.function.rpartition(":")[2].rpartition(".")[2]

    @field_validator("function")
    @classmethod
    def _module_and_name(cls, value: str) -> str:
        module, colon, name = value.partition(":")
        if not colon or not all(part.isidentifier() for part in f"{module}.{name}".split(".")):
            raise ValueError("write it as my.module:function")
        return value


class ShapingSettings(Settings):
    """What the rewards for length and repetition are measured by (`reward/shaping.py` has their formulas)."""

    longest: PositiveInt | None = Field(
        None, description="tokens at which length and overlong are at their end; default: max_completion"
    )
    cache: PositiveInt | None = Field(
        None, description="last tokens before it in which overlong falls from 0 to -1; default: a fifth, DAPO's share"
    )
    ngram: PositiveInt = Field(8, description="words of a phrase that may come again")

    @model_validator(mode="after")
    def _cache_within(self) -> Self:
        if self.cache is not None and self.longest is not None and self.cache > self.longest:
            raise ValueError(f"cache is {self.cache}, more than the {self.longest} tokens of longest")
        return self


class RewardSettings(Settings):
    """What a reward is made of."""

    weights: RewardWeights = Field(RewardWeights.usual(), description="weights of the reward's parts")
    measure: tuple[Component, ...] = later(
        (), description="parts of weight 0 that are measured and logged all the same; structure asks the GSRM and judge"
    )
    rewards: tuple[OwnRewardSettings, ...] = later(
        (),
        description="further parts: functions of your own, as {function: my.module:function, weight: 0.2, name: shown}",
    )
    shaping: ShapingSettings = later(
        ShapingSettings.usual(), description="what the rewards for length and repetition are measured by"
    )
    guards: GuardsSettings = Field(GuardsSettings.usual(), description="signals that the reward is being gamed")

    @property
    def asks_structure(self) -> bool:
        """Whether the GSRM and the judge are needed."""
        return self.weights.of("structure") > 0 or "structure" in self.measure

    @property
    def parts(self) -> tuple[str, ...]:
        """What is computed of a completion, in order: the components, then one's own by name."""
        optional = {"structure", *SHAPING}
        kept = (name for name in PARTS if name not in optional or self.weights.of(name) > 0 or name in self.measure)
        return (*kept, *(one.named for one in self.rewards))

    def weight_of(self, part: str) -> float:
        """The weight of one of `parts`."""
        for one in self.rewards:
            if one.named == part:
                return one.weight
        return self.weights.of(part)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [*PARTS, *(one.named for one in self.rewards)]
        if doubled := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"rewards: {doubled[0]!r} is the name of another part: give it a `name` of its own")
        return self
