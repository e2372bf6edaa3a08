"""The settings of every training stage: what the `--config` files of `rlkd-train` and pipelines load into."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveInt, field_validator, model_validator

from rlkd_data.config import PATIENT, ChatSettings, JudgeSettings, SamplingSettings, Settings, runtime


class LoraSettings(Settings):
    """A low-rank adapter on every linear layer. `r: 0` trains all weights instead."""

    r: int = Field(16, ge=0)
    alpha: PositiveInt = 32
    dropout: float = Field(0.0, ge=0, lt=1)


class OptimSettings(Settings):
    """What every training run has in common. Batch sizes count sequences."""

    learning_rate: float = Field(2e-4, gt=0)
    schedule: Literal["constant", "constant_with_warmup", "linear", "cosine"] = "constant_with_warmup"
    warmup_ratio: float = Field(0.1, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    micro_batch: PositiveInt = Field(4, description="sequences in one forward pass")
    accumulate: PositiveInt = Field(4, description="micro-batches in one optimiser step")
    save_steps: PositiveInt = runtime(50, description="optimiser steps between two checkpoints")
    logging_steps: PositiveInt = runtime(1)


class TrainSettings(Settings):
    model: str = Field(description="local name, folder or Hub id of the model to train")
    lora: LoraSettings = LoraSettings()
    optim: OptimSettings = OptimSettings()
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    seed: int = 0


class SftSettings(TrainSettings):
    """`rlkd-train sft`: the student learns the teacher's traces."""

    traces: tuple[Path, ...]
    only_correct: bool = Field(False, description="leave out traces whose answer is not verified as right")
    think_tags: bool = Field(True, description="put the reasoning into <think>…</think> before the response")
    epochs: float = Field(1.0, gt=0)
    max_steps: int = Field(-1, description="stop after so many optimiser steps; -1: by epochs")
    max_length: PositiveInt = Field(4096, description="tokens of a sequence; longer ones are left out and counted")


class AugmentSettings(Settings):
    """How GSM8K-socratic solutions are rewritten, so that a GSRM copes with what students write. Shares are
    probabilities for one variant (`solution_styles.RECIPE` says what each rule does)."""

    variants: int = Field(4, ge=0, description="other ways of writing each row, besides the plain one")
    cut: float = Field(0.2, ge=0, le=1)
    wrong: float = Field(0.2, ge=0, le=1)
    layout: float = Field(0.5, ge=0, le=1)
    preamble: float = Field(0.3, ge=0, le=1)
    ending: float = Field(0.4, ge=0, le=1)
    marks: float = Field(0.1, ge=0, le=1)


class GsrmSettings(TrainSettings):
    """`rlkd-train gsrm`: a local model learns to decompose."""

    decompositions: tuple[Path, ...] = Field((), description="tables whose ok rows are the targets")
    traces: tuple[Path, ...] = Field((), description="the traces that those rows decompose")
    socratic: str | None = Field(None, description="GSM8K-socratic: a JSONL file, or `hub` for openai/gsm8k:socratic")
    limit: PositiveInt | None = Field(None, description="train on this many GSM8K-socratic rows alone")
    augment: AugmentSettings = AugmentSettings()
    held_out: int = Field(200, ge=0, description="the last rows, never trained on, that the card's figures come from")
    measure: int | None = Field(None, ge=0, description="measure on this many of the held-out rows; default: on all")
    measure_batch: PositiveInt = runtime(16, description="held-out rows decomposed at a time")
    measure_tokens: PositiveInt = Field(1024, description="tokens of a measured reply, at most")
    epochs: float = Field(1.0, gt=0)
    max_steps: int = -1
    max_length: PositiveInt = 25000


class StructureSettings(ChatSettings):
    """The structure score: who decomposes a completion, who compares it, and how steps add up."""

    gsrm: str = Field("local:gsrm-smollm2", description="backend:model that decomposes completions")
    max_tokens: PositiveInt = 2048
    judge: JudgeSettings = JudgeSettings()
    normalise: Literal["teacher_steps", "sum"] = "teacher_steps"
    several: Literal["best", "mean"] = Field("best", description="the score where a problem has several teachers")
    lookahead: PositiveInt = runtime(2, description="steps judged before it is known whether the gate closed earlier")
    max_retries: int = runtime(PATIENT, ge=0)


COMPONENTS = ("structure", "accuracy", "format", "tag_count", "penalty")
"""The parts of a GRPO reward, each a reward function of its own to TRL."""


class RewardWeights(Settings):
    """Weights of the reward's parts; a part of weight 0 is measured and logged, but does not count.

    With `alpha` the total is the paper's, alpha · structure + (1 − alpha) · accuracy (RLKD, section 3.3), in place of
    those two weights. What guards subtract counts as it is.
    """

    alpha: float | None = Field(None, ge=0, le=1)
    structure: NonNegativeFloat = 0.5
    accuracy: NonNegativeFloat = 0.5
    format: NonNegativeFloat = 0.1
    tag_count: NonNegativeFloat = 0.0

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

    action: Literal["log", "subtract", "stop"] = "log"
    amount: NonNegativeFloat = Field(0.5, description="subtract: so much of the total")
    share: float = Field(0.25, gt=0, le=1, description="stop: from this share of a step's completions")


class RunGuardSettings(Settings):
    """What follows where the last `window` steps of a run give a signal. (To subtract from all completions alike would
    change no advantage.)"""

    action: Literal["log", "stop"] = "log"
    window: int = Field(20, ge=4, description="steps")


class GuardsSettings(Settings):
    """Signals that the reward is being gamed (`reward/guards.py` says how each is told)."""

    step_padding: GuardSettings = GuardSettings()
    repeated_steps: GuardSettings = GuardSettings()
    teacher_copy: GuardSettings = GuardSettings()
    marker_injection: GuardSettings = GuardSettings()
    judge_injection: GuardSettings = GuardSettings()
    structure_without_accuracy: RunGuardSettings = RunGuardSettings()
    no_variance: RunGuardSettings = RunGuardSettings()


class GrpoSettings(TrainSettings):
    """`rlkd-train grpo`: GRPO on the student with the structure reward (RLKD, section 3.3)."""

    traces: tuple[Path, ...] = Field(description="tables with the problems")
    decompositions: tuple[Path, ...] = Field(description="tables with the teacher's decompositions of them")
    limit: PositiveInt | None = None
    skip_missing: bool = Field(False, description="leave out problems without a decomposition of a teacher")
    optim: OptimSettings = OptimSettings(learning_rate=5e-5, max_grad_norm=0.2)
    steps: PositiveInt = 100
    generations: PositiveInt = Field(4, description="completions a prompt")
    prompts_per_step: PositiveInt = 4
    max_completion: PositiveInt = Field(4096, description="tokens")
    temperature: float = Field(0.7, gt=0)
    beta: NonNegativeFloat = Field(0.0, description="weight of the KL term")
    weights: RewardWeights = RewardWeights()
    structure: StructureSettings = StructureSettings()
    guards: GuardsSettings = GuardsSettings()
    max_unscored: float = runtime(
        0.5, gt=0, le=1, description="share of a step's completions that may go without a score; more stop the run"
    )

    @field_validator("generations")
    @classmethod
    def _a_group_needs_two(cls, value: int) -> int:
        if value < 2:
            raise ValueError("an advantage compares the completions of a group, so a group needs at least 2")
        return value


class EvalSettings(ChatSettings):
    """`rlkd-train eval`: sample a model on problems, and measure."""

    model: str = Field(description="backend:model")
    data: tuple[Path, ...] = Field(description="tables with the problems (traces)")
    decompositions: tuple[Path, ...] = Field((), description="the teacher's, for structure alignment")
    k: PositiveInt = Field(1, description="completions a problem")
    limit: PositiveInt | None = None
    sampling: SamplingSettings = SamplingSettings(temperature=0.7, max_tokens=4096)
    structure: StructureSettings | None = None


class JudgeEvalSettings(Settings):
    """`rlkd-train judge-eval`: how far a judge agrees with labelled pairs."""

    pairs: tuple[Path, ...] = Field(description="JSONL files of labelled pairs")
    judge: JudgeSettings = JudgeSettings()
    limit: PositiveInt | None = Field(None, description="judge a sample of so many pairs of each part")
    seed: int = Field(0, description="of the sample")
    worst: int = Field(10, ge=0, description="errors that are shown")


class RescoreSettings(Settings):
    """`rlkd-train rescore`: another reward over a run's saved completions. What is not given is the run's own."""

    run: Path = Field(description="folder of the GRPO run")
    traces: tuple[Path, ...] = Field(description="tables with the problems")
    decompositions: tuple[Path, ...] = Field(description="tables with the teacher's decompositions of them")
    weights: RewardWeights = RewardWeights()
    structure: StructureSettings = StructureSettings()
    guards: GuardsSettings = GuardsSettings()


class RewardServerSettings(Settings):
    """`rlkd-train reward-server`: the structure reward over HTTP."""

    decompositions: tuple[Path, ...] = Field(description="tables with the teacher's decompositions of the problems")
    structure: StructureSettings = StructureSettings()
    host: str = "127.0.0.1"
    port: int = Field(8900, ge=0, le=65535, description="0: one that is free")
    max_megabytes: float = Field(64.0, gt=0, description="of one request's body")
    shutdown_timeout: float = Field(60.0, gt=0, description="seconds that requests may take to end after a SIGTERM")
