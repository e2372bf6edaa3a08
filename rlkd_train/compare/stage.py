"""A comparison as a stage of a pipeline."""

from __future__ import annotations

from pathlib import Path

from rlkd_data.run.progress import console
from rlkd_data.run.stage import StageResult
from rlkd_train.compare.arms import arms
from rlkd_train.compare.folder import write
from rlkd_train.compare.run import compare
from rlkd_train.compare.written import print_comparison
from rlkd_train.config import CompareSettings


def compare_arms(settings: CompareSettings, out: Path) -> StageResult:
    """Compare, print the table, and write compare.md, compare.json and the plots to `out`. Raises InputError as
    `compare` does."""
    chosen = arms(settings.runs, settings.arms, seeds=settings.seeds)
    found = compare(chosen, settings.baseline, settings.figures, settings.level, settings.seed, paired=settings.paired)
    print_comparison(found, console)
    files = write(found, out)
    problems = max(one.problems for one in found.measured)
    return StageResult(
        {"arms": len(found.arms)},
        {"problems that all share": problems, "page": str(out / "compare.md"), "files": len(files)},
    )
