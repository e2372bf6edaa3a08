"""The training stages, registered as entry points of the group `rlkd.stages`."""

from rlkd_data.run.stage import StageSpec
from rlkd_train.config import (
    CompareSettings,
    DistillSettings,
    EvalSettings,
    GrpoSettings,
    GsrmSettings,
    JudgeEvalSettings,
    RescoreSettings,
    SftSettings,
)

_TRAINED = "checkpoints", "model"
_LONGER = "epochs", "max_steps"

SFT = StageSpec("sft", SftSettings, "rlkd_train.sft.train:train_sft", grows=_LONGER, keeps=_TRAINED)
GSRM = StageSpec(
    "gsrm", GsrmSettings, "rlkd_train.sft.train:train_gsrm", prompts=("prompts",), grows=_LONGER, keeps=_TRAINED
)
GRPO = StageSpec(
    "grpo", GrpoSettings, "rlkd_train.grpo.run:train_grpo", prompts=("prompts",), grows=("steps",), keeps=_TRAINED
)
DISTILL = StageSpec(
    "distill",
    DistillSettings,
    "rlkd_train.distill.run:train_distill",
    prompts=("prompts",),
    grows=("steps",),
    keeps=_TRAINED,
)
EVAL = StageSpec("eval", EvalSettings, "rlkd_train.evaluate.run:evaluate", prompts=("prompts",))
JUDGE_EVAL = StageSpec(
    "judge-eval", JudgeEvalSettings, "rlkd_train.evaluate.judge_eval:judge_eval", prompts=("prompts",)
)
RESCORE = StageSpec("rescore", RescoreSettings, "rlkd_train.reward.rescore:rescore", prompts=("prompts",))
COMPARE = StageSpec("compare", CompareSettings, "rlkd_train.compare.stage:compare_arms")
