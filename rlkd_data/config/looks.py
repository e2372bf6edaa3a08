"""What looks at tables: branching structures, scores against gold, and the report."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, PositiveFloat

from rlkd_data.config.base import Settings, later
from rlkd_data.config.judge import JudgeSettings
from rlkd_data.structure.names import WholeName


class BranchSettings(Settings):
    """`rlkd-data branches`: several traces of one problem to one branching structure."""

    decompositions: tuple[Path, ...] = Field(description="folders of decompositions tables", examples=[["runs/steps"]])
    judge: JudgeSettings = Field(JudgeSettings.usual(), description="who says whether two steps are the same")
    same: tuple[WholeName, ...] = Field(
        ("step",), min_length=1, description="what of two steps must match for them to be one node; step: both together"
    )


class ScoreSettings(Settings):
    """`rlkd-data score`: decompositions against gold ones."""

    decompositions: Path = Field(description="folder of a decompositions table", examples=["runs/steps"])
    gold: Path = Field(
        description="JSON Lines with id, problem, answer and steps, as GSM8K-socratic's", examples=["gold.jsonl"]
    )
    judge: JudgeSettings = Field(JudgeSettings.usual(), description="who says whether two steps are the same")
    same: tuple[WholeName, ...] = Field(
        ("step",), min_length=1, description="what of two steps must match; step: question and answer together"
    )


class ReportSettings(Settings):
    """`rlkd-data report`: tables and runs to one HTML page."""

    tables: tuple[Path, ...] = Field(description="folders of tables and runs", examples=[["runs/quickstart"]])
    title: str = Field("rlkd report", description="the page's title")
    arms: dict[str, tuple[Path, ...]] = later(
        {}, description="runs by an arm's name of yours, one a training seed: they are drawn as their mean, with a band"
    )
    seeds: bool = later(False, description="runs whose names end in a seed (grpo-seed1, grpo-3) are one arm")
    megabytes: PositiveFloat | None = later(
        None,
        description="the most that traces, completions and samples may take on the page, for one that is sent; "
        "default: 44",
    )
