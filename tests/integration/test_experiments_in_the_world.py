"""The experiments in rlkd's own world as they are shipped, with a few problems, one seed and two steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rlkd_data.run import pipeline
from rlkd_data.run.resources import resource
from rlkd_train.run_folder import read_log

FEW = {"short": 24, "long": 8, "teacher": 8, "problems": 8, "problems_mixed": 8, "problems_ways": 8, "lessons": 8}
ONE = {"seed": [0], "traces": [8], "rate": [1e-4], "errs": [0.2], "alpha": [0.0, 0.5]}


def small(name: str, folder: Path) -> Path:
    document = pipeline.read_yaml(resource("pipelines", f"{name}.yaml"))
    for stage, settings in document["stages"].items():
        settings.update(_fewer(stage, settings))
    path = folder / "small.yaml"
    text = json.dumps(document | {"workdir": str(folder / "run")})
    path.write_text(text.replace("-5000-", "-8-").replace("-1000-", "-8-"), encoding="utf-8")
    return path


def _fewer(stage: str, settings: dict[str, Any]) -> dict[str, Any]:
    verb = settings.get("verb", stage)
    found: dict[str, Any] = {}
    if "for" in settings:
        found["for"] = {key: ONE.get(key, values) for key, values in settings["for"].items()}
    if verb == "collect":
        found["world"] = settings["world"] | {"size": FEW.get(stage, 2)}
    if verb in ("sft", "gsrm"):
        found["max_steps"] = 2
    if verb == "gsrm":
        found |= {"held_out": 1, "measure": 1, "measure_tokens": 8}
    if verb in ("grpo", "distill"):
        found |= {"steps": 2, "prompts_per_step": 2, "max_completion": 24}
        found["optim"] = settings["optim"] | {"micro_batch": 4 if verb == "grpo" else 2}
    if verb == "grpo":
        found |= {"generations": 2, "max_unscored": 1.0}
        sampling = {"temperature": 1.0, "max_tokens": 8}
        found["evaluation"] = settings["evaluation"] | {"every": 2, "limit": 1, "sampling": sampling}
    if verb == "eval":
        found |= {"sampling": {"temperature": 1.0, "max_tokens": 8}}
    return found


def test_the_small_experiment_comes_to_a_page_with_three_curves(tmp_path: Path) -> None:
    done = {one.stage.name: one.stage.out for one in pipeline.run(pipeline.load(small("small-experiment", tmp_path)))}
    for arm in ("outcome", "rlkd"):
        assert [line["step"] for line in read_log(done[arm])] == [1, 2]
    assert "RLKD" in (done["compared"] / "compare.md").read_text(encoding="utf-8")
    assert (done["compared"] / "curves.svg").is_file()
    page = (done["report"] / "report.html").read_text(encoding="utf-8")
    assert all(figure in page for figure in ("pass@1", "completion tokens", "structure"))


def test_the_arms_that_stand_nowhere_else_run(tmp_path: Path) -> None:
    loaded = pipeline.load(small("experiment-world", tmp_path))
    world = ["short", "long", "school", "base", "problems", "chosen_by", "held_out", "deeper", "distracted", "steps"]
    starts = [
        "teacher-8-0",
        "start-8-0",
        "lessons",
        "master",
        "teacher_steps",
        "gsrm",
        "*_mixed",
        "problems*_ways",
        "steps_ways",
    ]
    arms = ["judge_errs-0.2-0", "sequence-0", "mixed-0", "ways-0", "mending-0", "distilled-0"]
    done = {one.stage.name: one.stage.out for one in pipeline.run(loaded, [*world, *starts, *arms, "exam_arm-mixed-0"])}
    for arm in arms[:-1]:
        assert "rewards/structure/mean" in read_log(done[arm])[0]
    assert (done["distilled-0"] / "model/model.safetensors").is_file()
    assert (done["exam_arm-mixed-0"] / "figures.json").is_file()
