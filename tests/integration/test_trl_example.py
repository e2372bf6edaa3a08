"""The shipped example runs as it is: plain TRL, a model of noise, the real small GSRM."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cli import run as command
from tests.support.grpo_run import make_run

_ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.model
@pytest.mark.slow
def test_the_example_trains_and_saves(tmp_path: Path) -> None:
    run = json.loads(make_run(tmp_path, "http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1").read_text("utf-8"))
    out = tmp_path / "out"
    script = _ROOT / "examples" / "trl_structure_reward.py"
    done = command(script, run["model"], tmp_path / "traces", tmp_path / "steps", out, RLKD_STORE=str(tmp_path / "s"))
    assert done.returncode == 0, done.stderr[-3000:]
    assert (out / "checkpoint-2" / "model.safetensors").is_file()
    assert "rewards/structure/mean" in done.stdout and "rewards/boxed/mean" in done.stdout
