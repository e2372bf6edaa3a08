"""The experiment on GSM8K as it is shipped, with a model of noise, one seed and two steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.run import pipeline
from rlkd_data.run.resources import resource
from rlkd_train.run_folder import read_log
from tests.support.servers import running_openai_server
from tests.support.tiny_model import save_tiny_model

ARMS = ("outcome", "rlkd", "steps_credited", "outcome_zero", "rlkd_zero")


def small(folder: Path, url: str) -> Path:
    """The shipped file with small settings, in which a server takes the place of the GSRM."""
    document = pipeline.read_yaml(resource("pipelines", "experiment-gsm8k.yaml"))
    model = str(save_tiny_model(folder / "tiny"))
    server = {"base_url": url, "concurrency": 4}
    structure = {"gsrm": "openai:gsrm", "judge": {"kind": "equal"}, "max_tokens": 512, **server}
    short = {"temperature": 1.0, "max_tokens": 8}
    changed: dict[str, dict[str, Any]] = {
        "traces": {"source": "gsm8k-quickstart", "limit": 4},
        "held_out": {"source": "gsm8k-quickstart", "offset": 4, "limit": 2, "split": None},
        "steps": {"annotator": "openai:gsrm", "prompt": "zero-shot", **server},
        "sft": {"max_steps": 1},
        "before": {"k": 2, "sampling": short, "structure": structure},
        "judged": {"k": 2, "sampling": short, "structure": structure},
    }
    for arm in ARMS:
        own = document["stages"][arm]
        changed[arm] = {
            "steps": 2,
            "prompts_per_step": 2,
            "generations": 2,
            "max_completion": 8,
            "max_unscored": 1.0,
            "optim": own["optim"] | {"micro_batch": 4},
            "structure": structure,
            "evaluation": own["evaluation"] | {"limit": 1, "sampling": short, "structure": structure},
        }
    for name, stage in document["stages"].items():
        stage.update(changed.get(name, {}))
        if stage.get("model") == "smollm2-135m":
            stage["model"] = model
        if "for" in stage:
            stage["for"]["seed"] = [0]
    path = folder / "small.yaml"
    path.write_text(json.dumps(document | {"workdir": str(folder / "run")}), encoding="utf-8")
    return path


def test_its_first_stages_run_with_tiny_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    first = ["traces", "held_out", "steps", "sft-0", "outcome-0", "rlkd-0", "rlkd_zero-0", "judged-rlkd-0"]
    with running_openai_server(reply_function="tests.support.annotator:faithful") as server:
        done = pipeline.run(pipeline.load(small(tmp_path, server.base_url)), first)
    outs = {outcome.stage.name: outcome.stage.out for outcome in done}
    for arm in ("outcome-0", "rlkd-0", "rlkd_zero-0"):
        log = read_log(outs[arm])
        assert [line["step"] for line in log] == [1, 2]
        assert ("rewards/structure/mean" in log[0]) is (arm != "outcome-0")
    assert (outs["judged-rlkd-0"] / "figures.json").is_file()
