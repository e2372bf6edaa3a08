"""The paper's arms in the small run as they are shipped, here with fewer steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlkd_data.run import pipeline
from rlkd_data.run.resources import resource
from rlkd_train.run_folder import read_log

ARMS = ("tiny-gsrm", "tiny-rl-only", "tiny-rlkd", "tiny-rlkd-zero", "tiny-sft", "tiny-sft-rl")
FEWER = {"traces": ["limit=16"], "sft": ["max_steps=2"], "gsrm": ["max_steps=2", "held_out=1", "measure_tokens=8"]}
FEWER |= {"grpo": ["steps=2", "max_completion=24", "prompts_per_step=2", "optim.micro_batch=8"]}


def test_each_arm_of_the_paper_has_a_small_one() -> None:
    arms = {path.stem for path in resource("pipelines").glob("tiny-*.yaml")}
    assert arms == set(ARMS)
    for name in arms:
        text = resource("pipelines", f"{name}.yaml").read_text(encoding="utf-8")
        head = text.partition("\nname:")[0]
        assert f"rlkd-data run {name}" in head and "\n# What you should see:" in head
        named = next(word for word in head.split() if word.startswith("recipes/"))
        assert resource("pipelines", named).is_file()


@pytest.mark.parametrize("name", ARMS)
def test_a_small_arm_runs_to_its_model(tmp_path: Path, name: str) -> None:
    path = resource("pipelines", f"{name}.yaml")
    stages = pipeline.read_yaml(path)["stages"]
    fewer = [f"{stage}.{one}" for stage in stages for one in FEWER.get(stage, [])]
    done = pipeline.run(pipeline.load(path, [f"workdir={tmp_path}", *fewer]))
    trained = done[-1]
    out = trained.stage.out
    assert trained.result.counts["ok"] > 0
    assert [line["step"] for line in read_log(out)] == [1, 2]
    assert (out / "model/model.safetensors").is_file()
    if trained.stage.spec.name == "grpo":
        first = read_log(out)[0]
        assert first["unscored"] == 0.0
        assert ("rewards/structure/mean" in first) is ("steps" in stages)
