"""The settings of every training stage: what the `--config` files of `rlkd-train` and pipelines load into."""

from __future__ import annotations

from rlkd_train.config.compare import CompareSettings
from rlkd_train.config.distill import DistillSettings
from rlkd_train.config.evaluate import EvalSettings, JudgeEvalSettings, RescoreSettings
from rlkd_train.config.grpo import GrpoSettings
from rlkd_train.config.gsrm import AugmentSettings, GsrmSettings
from rlkd_train.config.on_the_way import EvaluationSettings
from rlkd_train.config.reward import (
    COMPONENTS,
    PARTS,
    SHAPING,
    GuardSettings,
    GuardsSettings,
    OwnRewardSettings,
    RewardSettings,
    RewardWeights,
    RunGuardSettings,
    ShapingSettings,
)
from rlkd_train.config.server import RewardServerSettings
from rlkd_train.config.sft import SftSettings
from rlkd_train.config.shared import HubSettings, LoraSettings, OptimSettings, StudentSettings, TrainSettings
from rlkd_train.config.structure import StructureSettings

__all__ = [
    "COMPONENTS",
    "PARTS",
    "SHAPING",
    "AugmentSettings",
    "CompareSettings",
    "DistillSettings",
    "EvalSettings",
    "EvaluationSettings",
    "GrpoSettings",
    "GsrmSettings",
    "GuardSettings",
    "GuardsSettings",
    "HubSettings",
    "JudgeEvalSettings",
    "LoraSettings",
    "OptimSettings",
    "OwnRewardSettings",
    "RescoreSettings",
    "RewardServerSettings",
    "RewardSettings",
    "RewardWeights",
    "RunGuardSettings",
    "SftSettings",
    "ShapingSettings",
    "StructureSettings",
    "StudentSettings",
    "TrainSettings",
]
