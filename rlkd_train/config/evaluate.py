"""The settings of what measures: `rlkd-train eval`, `judge-eval` and `rescore`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveInt

from rlkd_data.config import ChatSettings, GradingSettings, JudgeSettings, SamplingSettings, Settings, later, runtime
from rlkd_train.config.reward import RewardSettings
from rlkd_train.config.structure import StructureSettings


class EvalSettings(GradingSettings, ChatSettings):
    """`rlkd-train eval`: sample a model on problems, and measure."""

    model: str = Field(description="backend:model to judge", examples=["local:runs/grpo"])
    data: tuple[Path, ...] = Field((), description="traces tables with the problems", examples=[["runs/held_out"]])
    benchmark: tuple[str, ...] | None = later(
        None, description="benchmarks by name (aime24, math500 …), or NAME=PATH with a copy of its files"
    )
    suite: Literal["math", "paper"] | None = later(None, description="benchmarks that belong together")
    choices_seed: int | None = later(None, description="seed of the order of options that have none; null: 0")
    decompositions: tuple[Path, ...] = Field((), description="the teacher's, to measure structure")
    k: PositiveInt = Field(1, description="completions a problem")
    system_prompt: str | None = later(None, description="what the model is told before every problem, as in training")
    limit: PositiveInt | None = Field(None, description="take this many problems, of each benchmark")
    sampling: SamplingSettings = Field(
        SamplingSettings.usual(temperature=0.7, max_tokens=4096),
        description="how completions are drawn; given nothing: as the model's card says, where it does",
    )
    structure: StructureSettings | None = Field(
        None, description="how structure is scored, which needs decompositions; null: it is not measured"
    )
    reuse: bool = runtime(
        False,
        description="take stored replies of a served model, GSRM or judge, though its server may have other weights",
    )
    paths: JudgeSettings | None = later(
        None,
        description="who says whether two completions' steps are the same, where structure is measured; null: "
        "same_step as it is by default",
    )


class JudgeEvalSettings(Settings):
    """`rlkd-train judge-eval`: how far a judge agrees with labelled pairs."""

    pairs: tuple[Path, ...] = Field(
        (), description="JSONL files of labelled pairs; default: those that rlkd ships", examples=[["pairs.jsonl"]]
    )
    judge: JudgeSettings = Field(JudgeSettings.usual(), description="the judge that is measured")
    reuse: bool = runtime(
        False,
        description="take stored verdicts of a served judge, though its server may have other weights",
    )
    limit: PositiveInt | None = Field(None, description="judge a sample of so many pairs of each part")
    seed: int = Field(0, description="seed of that sample")
    worst: int = Field(10, ge=0, description="errors of the judge that are shown, the surest first")


class RescoreSettings(GradingSettings, RewardSettings):
    """`rlkd-train rescore`: another reward over a run's saved completions. What is not given is the run's own."""

    run: Path = Field(description="folder of the GRPO run", examples=["runs/grpo"])
    traces: tuple[Path, ...] = Field(description="tables with the problems", examples=[["runs/traces"]])
    decompositions: tuple[Path, ...] = Field(
        (), description="tables with the teacher's decompositions of them; none: nobody is asked about structure"
    )
    structure: StructureSettings = Field(StructureSettings.usual(), description="how structure is scored")
