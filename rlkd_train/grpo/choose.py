"""Which trainer a run takes: TRL's, or ours on top of it, with a clock."""

from __future__ import annotations

from typing import Any

from rlkd_train.config import GrpoSettings
from rlkd_train.grpo.dynamic import DynamicSampling
from rlkd_train.grpo.scored_once import ScoredOnce
from rlkd_train.grpo.step_credit import StepCreditTrainer
from rlkd_train.grpo.trainer import Trainer
from rlkd_train.reward.for_trl import Rewards
from rlkd_train.watch.clock import watched


class DynamicStepCredit(DynamicSampling, StepCreditTrainer):
    """Both: each draw has its advantages by token."""


def trainer_class(settings: GrpoSettings, rewards: Rewards | ScoredOnce) -> tuple[type[Trainer], dict[str, Any]]:
    """The class, and what it takes beside TRL's arguments."""
    kind, more = _advantages(settings, rewards)
    return watched(kind), more


def _advantages(settings: GrpoSettings, rewards: Rewards | ScoredOnce) -> tuple[type[Trainer], dict[str, Any]]:
    credited = settings.credit == "step"
    more: dict[str, Any] = {}
    if credited:
        more |= {"rewards": rewards, "weight": settings.weights.of("structure")}
    if settings.dynamic_sampling:
        more |= {"draws": settings.dynamic_sampling}
        return (DynamicStepCredit if credited else DynamicSampling), more
    return (StepCreditTrainer if credited else Trainer), more
