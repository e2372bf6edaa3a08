"""The settings of every data stage: what `pipelines/*.yaml` and the command line's flags load into."""

from __future__ import annotations

from rlkd_data.config.base import Settings, later, runtime
from rlkd_data.config.chat import BatchSettings, ChatSettings, ModelControls, SamplingSettings
from rlkd_data.config.collect import CollectSettings, GradingSettings
from rlkd_data.config.decompose import DecomposeSettings
from rlkd_data.config.judge import PATIENT, JudgeSettings
from rlkd_data.config.looks import BranchSettings, ReportSettings, ScoreSettings
from rlkd_data.config.world import WorldSettings

__all__ = [
    "PATIENT",
    "BatchSettings",
    "BranchSettings",
    "ChatSettings",
    "CollectSettings",
    "DecomposeSettings",
    "GradingSettings",
    "JudgeSettings",
    "ModelControls",
    "ReportSettings",
    "SamplingSettings",
    "ScoreSettings",
    "Settings",
    "WorldSettings",
    "later",
    "runtime",
]
