"""What a run would do and need, told before it starts, and refused where it cannot fit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.errors import InputError
from rlkd_data.schema import TRACES
from rlkd_train.config import DistillSettings, EvaluationSettings, GrpoSettings, LoraSettings, SftSettings
from rlkd_train.plan import needs
from rlkd_train.plan.dry import dry_run, plan_grpo, plan_sft
from rlkd_train.plan.sources import sources
from tests.support.grpo_run import make_run
from tests.support.tiny_model import save_tiny_model
from tests.support.train_run import settings
from tests.support.training_rows import trace, write

MIB = 1 << 20
FULL = LoraSettings(r=0)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


def has(monkeypatch: pytest.MonkeyPatch, free: int, device: str = "a card") -> None:
    monkeypatch.setattr(needs, "room", lambda: (device, free))


def test_each_setting_says_where_it_is_from() -> None:
    resolved = {"model": "m", "optim": {"a": 1, "b": 2}, "lora": {"r": 4}, "steps": 9, "seed": 0}
    file = {"model": "old", "optim": {"a": 1, "b": 7}, "steps": 1}
    assert sources(resolved, file, "f.yaml", ["optim.b=2", "lora={r: 4}"], {"model": "--init-from"}) == [
        ("model", "m", "--init-from"),
        ("optim.a", 1, "f.yaml"),
        ("optim.b", 2, "--set"),
        ("lora.r", 4, "--set"),
        ("steps", 9, "f.yaml"),
        ("seed", 0, "default"),
    ]


def test_a_dry_run_tells_settings_steps_and_memory_and_starts_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    has(monkeypatch, 1 << 30)
    nobody = "http://127.0.0.1:9/v1"
    path = make_run(tmp_path, nobody, nobody, steps=6, optim={"micro_batch": 2}, beta=0.1)
    before = set(tmp_path.rglob("*"))
    chosen = GrpoSettings.model_validate(json.loads(path.read_text()))
    found = dry_run(chosen, [("steps", 6, "grpo.yaml")], count=2, accelerate="fsdp2")
    assert set(tmp_path.rglob("*")) == before
    said = capsys.readouterr().out
    lines = [" ".join(line.replace("│", " ").split()) for line in said.splitlines()]
    assert "steps 6 grpo.yaml" in lines and "epochs 6.00" in lines
    assert "a step 8 completions of 2 problems (2 × 2 × 2)" in lines
    assert "completions 48, at most 768 tokens drawn" in lines
    assert set(found.parts) == {"weights", "gradients", "optimiser", "reference", "activations", "kv_cache"}
    assert "free on a card, of each of 2 1" in lines


def test_a_distillation_is_planned_with_its_teacher(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    has(monkeypatch, 1 << 30)
    write(tmp_path / "traces", TRACES, [trace(f"t{n}", "", "\\boxed{1}", problem=f"What is {n}?") for n in range(4)])
    values: dict[str, Any] = {
        "model": str(tiny),
        "teacher": str(tiny),
        "traces": [tmp_path / "traces"],
        "steps": 6,
        "prompts_per_step": 2,
    }
    values |= {"max_completion": 64, "optim": {"micro_batch": 1}, "precision": "float32"}
    chosen = DistillSettings.model_validate(values)
    found = dry_run(chosen, [("steps", 6, "x.yaml")], count=2)
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "a step 2 completions of 2 problems (2 × 1 × 1)" in said and "epochs 3.00" in said
    assert "completions 12, at most 768 tokens drawn" in said
    assert found.parts["teacher"] == 4 * needs.shape_of(chosen.model_copy(update={"lora": FULL}), tiny).parameters
    away = chosen.model_copy(update={"teacher_url": "http://127.0.0.1:9/v1"})
    assert "teacher" not in needs.needs_of(away, 64, 1).parts
    assert "the teacher" in said
    with pytest.raises(InputError, match="3 processes cannot share the 2 prompts of a step"):
        dry_run(chosen, [], count=3)


def test_a_dry_run_of_several_processes_refuses_what_they_would(tiny: Path) -> None:
    from rlkd_train.verbs import launched

    values = {"problems": ["held_out"]}
    with pytest.raises(InputError, match="no process holds the whole model under FSDP or ZeRO"):
        dry_run(
            settings(tiny).model_copy(update={"evaluation": EvaluationSettings.model_validate(values)}), [], 2, "fsdp2"
        )
    with pytest.raises(InputError, match="--accelerate fsdp: there are ddp, fsdp2, zero3"):
        launched("grpo", Path("none.yaml"), None, None, None, 2, "fsdp", True)


def test_a_dry_run_refuses_what_trl_would(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "traces", TRACES, [trace("a", "Well.", "12")])
    values: dict[str, Any] = {"model": str(tiny), "traces": [tmp_path / "traces"], "trl": {"optim": "adamm"}}
    with pytest.raises(InputError, match="adamm is not a valid OptimizerNames"):
        dry_run(SftSettings.model_validate(values | {"optim": {"accumulate": 1}}), [])
    assert "Memory of each device" in capsys.readouterr().out


def test_what_vllm_takes_of_the_card_is_counted_and_what_it_draws_is_not(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needs, "whole", lambda: 1000)
    for keys, taken in (({}, 300), ({"vllm_gpu_memory_utilization": 0.5}, 500), ({"vllm_mode": "server"}, None)):
        found = needs.needs_of(settings(tiny, trl={"use_vllm": True} | keys), 100, 1).parts
        assert found.get("vLLM") == taken and "kv_cache" not in found


def test_completions_that_are_learned_from_twice_are_drawn_once(tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:9/v1"
    path = make_run(tmp_path, nobody, nobody, steps=6, trl={"num_iterations": 2})
    plan = plan_grpo(GrpoSettings.model_validate(json.loads(path.read_text())), 1)
    assert plan.lines["completions"].startswith("24,") and plan.epochs == 3.0


def test_an_sft_plan_counts_the_rows_and_tokens_that_would_be_learned_from(tiny: Path, tmp_path: Path) -> None:
    write(tmp_path / "traces", TRACES, [trace("a", "Well.", "12"), trace("b", "", ""), trace("c", "W" * 900, "13")])
    values = {"model": str(tiny), "traces": [tmp_path / "traces"], "max_length": 400, "epochs": 3}
    plan = plan_sft(SftSettings.model_validate(values | {"optim": {"micro_batch": 1, "accumulate": 2}}), count=1)
    assert (plan.steps, plan.epochs) == (3, 3.0)
    assert plan.lines["rows"].startswith("1, the longest") and plan.lines["left out"] == "1 too_long, 1 empty"


def test_what_has_no_room_is_refused_with_the_least_change_that_gives_it(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings(tiny, max_completion=1000, optim={"micro_batch": 4}, checkpointing="off")
    deep = replace(needs.shape_of(chosen, tiny), layers=24)  # of one layer nothing is saved
    monkeypatch.setattr(needs, "shape_of", lambda *_: deep)
    needed = sum(needs.needs_of(chosen, 100, 1).parts.values())
    has(monkeypatch, needed)  # of which a tenth stays free
    with pytest.raises(InputError, match=r"GiB are needed on a card, .* are free: set checkpointing to auto"):
        needs.check_fits(chosen, 100, 1, 1)
    again = needs.needs_of(chosen.model_copy(update={"checkpointing": "on"}), 100, 1)
    has(monkeypatch, sum(again.parts.values()))
    with pytest.raises(InputError, match=r"set optim.micro_batch to 2"):
        needs.check_fits(chosen, 100, 1, 1)
    has(monkeypatch, 1000)
    with pytest.raises(InputError, match="no setting of this run makes it fit"):
        needs.check_fits(chosen, 100, 1, 1)
    has(monkeypatch, 1 << 30)
    needs.check_fits(chosen, 100, 1, 1)


def test_a_model_too_large_for_a_card_is_spread_over_several(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = settings(tiny, max_completion=1, generations=4, lora={"r": 1})
    large = replace(needs.shape_of(chosen, tiny), parameters=7_000_000_000, trained=7_000_000_000)
    monkeypatch.setattr(needs, "shape_of", lambda *_: large)
    has(monkeypatch, 80 << 30)
    with pytest.raises(InputError, match="take 2 cards: rlkd-train launch … --processes 2 --accelerate fsdp2"):
        needs.check_fits(chosen, 10, 1, 1)
    needs.check_fits(chosen, 10, 2, 2)


def test_activations_are_computed_again_where_they_would_not_fit(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = SftSettings(model=str(tiny), traces=(Path("t"),))
    for free, again in ((10 * MIB, True), (1 << 30, False)):
        has(monkeypatch, free)
        assert needs.needs_of(chosen, 2048, 1).checkpointing is again
    assert needs.needs_of(chosen.model_copy(update={"checkpointing": "on"}), 8, 1).checkpointing


def test_what_scores_without_weights_of_its_own_takes_no_memory(tiny: Path) -> None:
    chosen = settings(tiny, structure={"gsrm": "local:world-gsrm", "judge": {"kind": "equal"}})
    assert "gsrm" not in needs.needs_of(chosen, 100, 1).parts
