"""What a person reads when a pipeline has run."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlkd_data.run.pipeline import load, run
from rlkd_data.run.summary import print_summary


def test_the_last_words_are_the_pipelines_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.yaml"
    stages = "traces: {verb: collect, source: gsm8k-quickstart, limit: 1}"
    closing = "Made: one trace.\n  Next: [bold] rlkd-data inspect"
    path.write_text(f"workdir: {tmp_path / 'w'}\nstages:\n  {stages}\nclosing: |\n  {closing}\n")
    planned = load(path)
    print_summary(planned, run(planned))
    assert capsys.readouterr().out.rstrip().endswith("Made: one trace.\nNext: [bold] rlkd-data inspect")
