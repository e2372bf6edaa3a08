"""The shipped example runs as it is: plain TRL, a model of noise, the real small GSRM."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.grpo_run import make_run

_ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.model
@pytest.mark.slow
def test_the_example_trains_and_saves(tmp_path: Path) -> None:
    run = json.loads(make_run(tmp_path, "http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1").read_text("utf-8"))
    out = tmp_path / "out"
    script = _ROOT / "examples" / "trl_structure_reward.py"
    done = subprocess.run(
        [sys.executable, str(script), run["model"], str(tmp_path / "traces"), str(tmp_path / "steps"), str(out)],
        env=os.environ | {"HF_HUB_OFFLINE": "1", "RLKD_STORE": str(tmp_path / "s.sqlite"), "PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (out / "checkpoint-2" / "model.safetensors").is_file()
    assert "rewards/structure/mean" in done.stdout and "rewards/boxed/mean" in done.stdout
