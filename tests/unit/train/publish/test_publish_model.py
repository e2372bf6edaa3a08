"""A run's model in the folder of a dry run: its card tells what the run was, and an adapter names a base that loads."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rlkd_data.errors import InputError
from rlkd_train.config import DistillSettings, GrpoSettings
from rlkd_train.publish.run import Publication, publish
from tests.support.report_rows import decomposed, trace, write_decompositions, write_stage, write_traces


def run_folder(folder: Path, model: str = "smollm2-135m", *, status: str = "done") -> Path:
    """A GRPO run as `rlkd-train grpo` leaves it, with what peft writes beside an adapter."""
    traces = write_traces(folder / "traces", [trace("a"), trace("b")])
    steps = write_decompositions(folder / "steps", [decomposed(trace("a"))])
    settings = GrpoSettings(model=model, traces=(traces,), decompositions=(steps,), steps=3)
    figures = {"steps": 3, "first": {"reward": 0.25, "structure": None}, "last": {"reward": 0.5, "structure": 0.125}}
    run = write_stage(
        folder / "grpo",
        "grpo",
        status=status,
        settings=settings.model_dump(mode="json"),
        result={"figures": figures | {"completions": "/home/me/completions"}},
    )
    log = [{"step": n, "loss": 1 / n, "rewards/structure/mean": n / 10} for n in (1, 2, 3)]
    (run / "log.jsonl").write_text("\n".join(map(json.dumps, log)))
    model_folder = run / "model"
    model_folder.mkdir()
    (model_folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "/home/me/x", "r": 16}))
    (model_folder / "adapter_model.safetensors").write_bytes(b"weights")
    (model_folder / "README.md").write_text("# Model Card for Model ID\n[More Information Needed] /home/me/x\n")
    return run


@pytest.mark.parametrize(
    ("verb", "settings", "said"),
    [
        (
            "grpo",
            GrpoSettings.model_validate({"model": "smollm2-135m", "traces": ["t"], "weights": {"structure": 0}}),
            "was trained with GRPO on the outcome of its completions, without structure",
        ),
        (
            "distill",
            DistillSettings(model="smollm2-135m", traces=(Path("t"),), teacher="/home/me/teacher", steps=3),
            "was distilled on its own completions, of which a teacher judged each token",
        ),
    ],
)
def test_other_arms_are_told_for_what_they_are(tmp_path: Path, verb: str, settings: Any, said: str) -> None:
    run = run_folder(tmp_path)
    record = json.loads((run / "stage.json").read_text())
    (run / "stage.json").write_text(json.dumps(record | {"stage": verb, "settings": settings.model_dump(mode="json")}))
    out = tmp_path / "out"
    publish(run, Publication("org/student", "Apache-2.0", out=out))
    head, body = card(out)
    assert said in body and verb in head["tags"]
    assert "/home/me" not in body


def card(out: Path) -> tuple[dict[str, Any], str]:
    _, head, body = (out / "README.md").read_text("utf-8").split("---\n", 2)
    return yaml.safe_load(head), body


def test_the_card_tells_what_the_run_was(tmp_path: Path) -> None:
    run = run_folder(tmp_path)
    judged = write_stage(
        tmp_path / "after", "eval", settings={"data": ["held_out"], "k": 4}, result={"figures": {"pass@1": 0.375}}
    )
    out = tmp_path / "out"
    publish(run, Publication("org/student", "Apache-2.0", evaluations=(judged,), out=out))
    head, body = card(out)
    assert head["base_model"] == "HuggingFaceTB/SmolLM2-135M-Instruct" and head["license"] == "apache-2.0"
    assert head["library_name"] == "peft"
    assert json.loads((out / "adapter_config.json").read_text())["base_model_name_or_path"] == head["base_model"]
    assert (out / "adapter_model.safetensors").read_bytes() == b"weights"
    for fact in (
        "| reward | 0.25 | 0.5 |",
        "| structure | – | 0.125 |",
        "| pass@1 | 0.375 |",
        "| optim.learning_rate | 5e-05 |",
        "- `traces`: 2 rows from written for this test (Apache-2.0)",
        "trained for 3 optimiser steps",
    ):
        assert fact in body, fact
    assert "More Information Needed" not in body and "/home/me" not in body
    assert re.findall(r"\]\((figures/[^)]*)\)", body) == ["figures/loss.svg", "figures/rewards_structure_mean.svg"]
    assert all((out / name).is_file() for name in re.findall(r"\]\((figures/[^)]*)\)", body))
    sections = re.split(r"^## (.*)$", body, flags=re.MULTILINE)[1:]
    assert all(text.strip() for text in sections)
    recipe = yaml.safe_load(re.findall(r"```yaml\n(.*?)\n```", body, re.DOTALL)[0])
    assert GrpoSettings.model_validate(recipe).steps == 3


@pytest.mark.parametrize(
    ("made", "how", "said"),
    [
        ({}, {"licence": None}, "not published without a licence"),
        ({"status": "running"}, {}, "training has not finished"),
        ({"model": "./my-model"}, {}, "name the base with --base-model"),
    ],
)
def test_what_others_could_not_use_is_refused(
    tmp_path: Path, made: dict[str, str], how: dict[str, Any], said: str
) -> None:
    run = run_folder(tmp_path, **made)
    with pytest.raises(InputError, match=said) as refused:
        publish(run, Publication(**({"repo_id": "org/student", "licence": "mit", "out": tmp_path / "out"} | how)))
    assert "\n" not in str(refused.value) and not (tmp_path / "out").exists()


def test_a_base_that_rlkd_does_not_know_can_be_named(tmp_path: Path) -> None:
    run = run_folder(tmp_path, "./my-model")
    publish(run, Publication("org/student", "mit", base="org/base", out=tmp_path / "out"))
    head, body = card(tmp_path / "out")
    assert head["base_model"] == "org/base" and "my-model" in body


def test_a_table_is_no_run(tmp_path: Path) -> None:
    traces = write_traces(tmp_path / "traces", [trace("a")])
    with pytest.raises(InputError, match="is no training run"):
        publish(traces, Publication("org/student", "mit", out=tmp_path / "out"))
