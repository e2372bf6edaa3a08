"""The settings of `rlkd-train compare` as a pipeline's stage."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from rlkd_data.config import Settings, later


class CompareSettings(Settings):
    """`verb: compare`: arms side by side, each of one run or of several seeds."""

    runs: tuple[Path, ...] = Field(
        (),
        description="folders of evaluations, or of training runs, whose last one counts; each an arm of its name",
        examples=[["runs/before", "runs/after"]],
    )
    arms: dict[str, tuple[Path, ...]] = Field({}, description="arms by a name of yours, each with its runs")
    seeds: bool = Field(False, description="runs whose names end in a seed (grpo-seed1, grpo-3) are one arm")
    paired: bool = later(
        False, description="the n-th runs of all arms have one training seed, and start, in common: pairs"
    )
    baseline: str | None = Field(None, description="the arm that the others are compared with; default: the first")
    figures: tuple[str, ...] = Field((), description="only these figures, as pass@1; default: those of eval")
    level: float = Field(0.05, gt=0, lt=1, description="chance of a finding where there is none")
    seed: int = Field(0, description="seed of the bootstrap")
