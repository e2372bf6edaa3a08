"""The data stages, registered as entry points of the group `rlkd.stages`."""

from rlkd_data.config import BranchSettings, CollectSettings, DecomposeSettings, ReportSettings, ScoreSettings
from rlkd_data.run.stage import StageSpec

COLLECT = StageSpec("collect", CollectSettings, "rlkd_data.collect.run:collect")
DECOMPOSE = StageSpec("decompose", DecomposeSettings, "rlkd_data.decompose.run:decompose", prompts=("prompts",))
BRANCHES = StageSpec("branches", BranchSettings, "rlkd_data.measure.branches:branches", prompts=("prompts",))
SCORE = StageSpec("score", ScoreSettings, "rlkd_data.measure.score:score", prompts=("prompts",))
REPORT = StageSpec("report", ReportSettings, "rlkd_data.report.build:report")
