"""The settings of every training stage: what the `--config` files of `rlkd-train` and pipelines load into."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveInt, field_validator, model_validator

from rlkd_data.config import PATIENT, ChatSettings, GradingSettings, JudgeSettings, SamplingSettings, Settings, runtime


class LoraSettings(Settings):
    """A low-rank adapter on every linear layer. `r: 0` trains all weights instead."""

    r: int = Field(16, ge=0, description="rank; 0: no adapter, all weights are trained")
    alpha: PositiveInt = Field(32, description="what the adapter adds counts alpha / r times")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of the adapter's inputs that is left out in training")


class OptimSettings(Settings):
    """What every training run has in common. Batch sizes count sequences."""

    learning_rate: float = Field(2e-4, gt=0, description="highest rate, after the warm-up")
    schedule: Literal["constant", "constant_with_warmup", "linear", "cosine"] = Field(
        "constant_with_warmup", description="course of the rate over the optimiser steps"
    )
    warmup_ratio: float = Field(0.1, ge=0, lt=1, description="share of the optimiser steps in which the rate rises")
    weight_decay: float = Field(0.0, ge=0, description="weight decay of AdamW")
    max_grad_norm: float = Field(1.0, gt=0, description="longer gradients are cut to this length")
    micro_batch: PositiveInt = Field(4, description="sequences in one forward pass")
    accumulate: PositiveInt = Field(4, description="micro-batches in one optimiser step")
    save_steps: PositiveInt = runtime(50, description="optimiser steps between two checkpoints")
    logging_steps: PositiveInt = runtime(1, description="optimiser steps between two lines of the log; GRPO: 1")


class TrainSettings(Settings):
    """What every training stage has."""

    model: str = Field(
        description="local name, folder or Hub id of the model to train", examples=["Qwen/Qwen2.5-1.5B-Instruct"]
    )
    lora: LoraSettings = Field(LoraSettings.usual(), description="the low-rank adapter that is trained")
    optim: OptimSettings = Field(OptimSettings.usual(), description="rates, batches and checkpoints")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of products of matrices; auto: bfloat16 where the device is fast at it"
    )
    seed: int = Field(0, description="seed of the order of the rows, of dropout and of sampling")


class SftSettings(TrainSettings):
    """`rlkd-train sft`: the student learns the teacher's traces."""

    traces: tuple[Path, ...] = Field(description="folders of traces tables", examples=[["runs/traces"]])
    only_correct: bool = Field(False, description="leave out traces whose answer is not verified as right")
    think_tags: bool = Field(True, description="put the reasoning into <think>…</think> before the response")
    epochs: float = Field(1.0, gt=0, description="times that every row is learned from")
    max_steps: int = Field(-1, description="stop after so many optimiser steps; -1: by epochs")
    max_length: PositiveInt = Field(4096, description="tokens of a sequence; longer ones are left out and counted")


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
    max_steps: int = Field(-1, description="stop after so many optimiser steps; -1: by epochs")
    max_length: PositiveInt = Field(25000, description="tokens of a sequence; longer ones are left out and counted")


class StructureSettings(ChatSettings):
    """The structure score: who decomposes a completion, who compares it, and how steps add up."""

    gsrm: str = Field("local:gsrm-smollm2", description="backend:model that decomposes completions")
    allow_other_annotator: bool = runtime(
        False, description="compare with teachers whom another annotator than the GSRM decomposed"
    )
    max_tokens: PositiveInt = Field(2048, description="longest decomposition, in tokens")
    judge: JudgeSettings = Field(
        JudgeSettings.usual(), description="who says whether a step's parts match the teacher's"
    )
    align: Literal["positional", "sequence"] = Field(
        "positional", description="positional: the paper's, i-th with i-th; sequence: in order, wherever they stand"
    )
    gate: Literal["auto", "meta", "step", "none"] = Field(
        "auto",
        description="what must match for later steps to count: meta, the paper's; step, the whole step; none, with "
        "sequence alone; auto: meta with an llm judge, step with a free one, none in sequence",
    )
    normalise: Literal["teacher_steps", "sum"] = Field(
        "teacher_steps", description="the sum of the steps' scores as it is, or over the number of the teacher's"
    )
    several: Literal["best", "mean"] = Field("best", description="the score where a problem has several teachers")
    grounded: bool = Field(True, description="an answer of a step that the completion does not state counts as none")
    lookahead: PositiveInt = runtime(2, description="steps judged before it is known whether the gate closed earlier")
    max_retries: int = runtime(PATIENT, ge=0, description="tries after the first, of a request whose failure may pass")
    breaker: int = runtime(
        0, ge=0, description="requests that fail alike, before any is answered, which end the run; 0: never"
    )

    @property
    def gate_asked(self) -> Literal["meta", "step", "none"]:
        """What the gate asks, with `auto` resolved."""
        if self.gate != "auto":
            return self.gate
        if self.align == "sequence":
            return "none"
        return "meta" if self.judge.kind.startswith("llm") else "step"

    @property
    def told(self) -> str:
        """How structure is scored, for a log."""
        return f"structure: align {self.align}, gate {self.gate_asked}, judge {self.judge.kind}"

    @model_validator(mode="after")
    def _gate_and_sum_fit_the_alignment(self) -> StructureSettings:
        if self.align == "positional" and self.gate == "none":
            raise ValueError("gate: none is for align: sequence; the positional alignment is one behind a gate")
        if self.align == "sequence" and self.gate == "meta":
            raise ValueError("align: sequence compares whole steps: its gate is none or step")
        if self.align == "sequence" and self.normalise == "sum":
            raise ValueError("align: sequence gives an F-score, which normalise: sum does not go with")
        return self


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


class GrpoSettings(GradingSettings, TrainSettings):
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


class EvalSettings(GradingSettings, ChatSettings):
    """`rlkd-train eval`: sample a model on problems, and measure."""

    model: str = Field(description="backend:model to judge", examples=["local:runs/grpo"])
    data: tuple[Path, ...] = Field(description="traces tables with the problems", examples=[["runs/held_out"]])
    decompositions: tuple[Path, ...] = Field((), description="the teacher's, to measure structure")
    k: PositiveInt = Field(1, description="completions a problem")
    limit: PositiveInt | None = Field(None, description="take this many problems")
    sampling: SamplingSettings = Field(
        SamplingSettings.usual(temperature=0.7, max_tokens=4096), description="how completions are drawn"
    )
    structure: StructureSettings | None = Field(
        None, description="how structure is scored, which needs decompositions; null: it is not measured"
    )


class JudgeEvalSettings(Settings):
    """`rlkd-train judge-eval`: how far a judge agrees with labelled pairs."""

    pairs: tuple[Path, ...] = Field(
        (), description="JSONL files of labelled pairs; default: those that rlkd ships", examples=[["pairs.jsonl"]]
    )
    judge: JudgeSettings = Field(JudgeSettings.usual(), description="the judge that is measured")
    limit: PositiveInt | None = Field(None, description="judge a sample of so many pairs of each part")
    seed: int = Field(0, description="seed of that sample")
    worst: int = Field(10, ge=0, description="errors of the judge that are shown, the surest first")


class RescoreSettings(GradingSettings):
    """`rlkd-train rescore`: another reward over a run's saved completions. What is not given is the run's own."""

    run: Path = Field(description="folder of the GRPO run", examples=["runs/grpo"])
    traces: tuple[Path, ...] = Field(description="tables with the problems", examples=[["runs/traces"]])
    decompositions: tuple[Path, ...] = Field(
        description="tables with the teacher's decompositions of them", examples=[["runs/steps"]]
    )
    weights: RewardWeights = Field(RewardWeights.usual(), description="weights of the reward's parts")
    structure: StructureSettings = Field(StructureSettings.usual(), description="how structure is scored")
    guards: GuardsSettings = Field(GuardsSettings.usual(), description="signals that the reward is being gamed")


class RewardServerSettings(Settings):
    """`rlkd-train reward-server`: the structure reward over HTTP."""

    decompositions: tuple[Path, ...] = Field(
        description="tables with the teachers' decompositions of the problems", examples=[["runs/steps"]]
    )
    structure: StructureSettings = Field(StructureSettings.usual(), description="how structure is scored")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8900, ge=0, le=65535, description="port to listen on; 0: one that is free")
    max_megabytes: float = Field(64.0, gt=0, description="megabytes that a request's body may have")
    max_completions: PositiveInt = Field(65_536, description="completions that a request may bring")
    shutdown_timeout: float = Field(60.0, gt=0, description="seconds from a SIGTERM to the end, whatever clients do")
    token_env: str | None = Field(
        None, description="variable with the token that requests must bring; needed beyond 127.0.0.1"
    )
    header_timeout: float = Field(
        30.0, gt=0, description="seconds that a request's headers may take to arrive, and that a connection may idle"
    )
    body_timeout: float = Field(
        60.0, gt=0, description="seconds that a request's body may take to arrive, and its response to be taken"
    )
