"""The settings of every training stage: what the `--config` files of `rlkd-train` and pipelines load into."""

from __future__ import annotations

from rlkd_train.config.evaluate import EvalSettings, JudgeEvalSettings, RescoreSettings
from rlkd_train.config.grpo import GrpoSettings
from rlkd_train.config.gsrm import AugmentSettings, GsrmSettings
from rlkd_train.config.reward import COMPONENTS, GuardSettings, GuardsSettings, RewardWeights, RunGuardSettings
from rlkd_train.config.server import RewardServerSettings
from rlkd_train.config.sft import SftSettings
from rlkd_train.config.shared import LoraSettings, OptimSettings, StudentSettings, TrainSettings
from rlkd_train.config.structure import StructureSettings

__all__ = [
    "COMPONENTS",
    "AugmentSettings",
    "EvalSettings",
    "GrpoSettings",
    "GsrmSettings",
    "GuardSettings",
    "GuardsSettings",
    "JudgeEvalSettings",
    "LoraSettings",
    "OptimSettings",
    "RescoreSettings",
    "RewardServerSettings",
    "RewardWeights",
    "RunGuardSettings",
    "SftSettings",
    "StructureSettings",
    "StudentSettings",
    "TrainSettings",
]
