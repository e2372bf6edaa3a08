"""The data stages, registered as entry points of the group `rlkd.stages`."""

from rlkd_data.config import CollectSettings, DecomposeSettings, ReportSettings
from rlkd_data.stage import StageSpec

COLLECT = StageSpec("collect", CollectSettings, "rlkd_data.collect.run:collect")
DECOMPOSE = StageSpec("decompose", DecomposeSettings, "rlkd_data.decompose.run:decompose", prompts=("prompts",))
REPORT = StageSpec("report", ReportSettings, "rlkd_data.report.build:report")
