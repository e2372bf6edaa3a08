"""`trl:`: every field of the installed TRL by its own name, ours refused naming ours, and mistakes told in one line."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.config import Settings
from rlkd_data.errors import InputError
from rlkd_data.run.pipeline import check_settings
from rlkd_train.config import GrpoSettings, GsrmSettings, SftSettings
from rlkd_train.config.trl import Config, fields, owned

GRPO = {"model": "m", "traces": ["t"], "decompositions": ["d"]}
SFT = {"model": "m", "traces": ["t"]}


def made(kind: type[Settings], values: dict[str, Any]) -> Any:
    return check_settings(kind, values, "x.yaml")


@pytest.mark.parametrize("name", ["GRPOConfig", "SFTConfig", "DistillationConfig"])
def test_the_fields_are_those_of_the_installed_classes(name: Config) -> None:
    import trl

    real = {one.name for one in dataclasses.fields(getattr(trl, name))}
    assert set(fields(name)) == real
    assert set(owned(name)) - real <= {"warmup_ratio"}  # a name that TRL had


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"max_steps": 3}, "x.yaml: trl: max_steps is set by steps"),
        ({"num_generations": 8}, "x.yaml: trl: num_generations is set by generations"),
        ({"warmup_ratio": 0.1}, "x.yaml: trl: warmup_ratio is set by optim.warmup_ratio"),
        ({"los_type": "dapo"}, "x.yaml: trl: GRPOConfig has no field 'los_type': did you mean 'loss_type'?"),
        (
            {"num_generation": 9},
            "x.yaml: trl: GRPOConfig has no field 'num_generation': 'num_generations' is set by generations",
        ),
        ({"top_k": "many"}, "x.yaml: trl: top_k has to be int (got 'many')"),
        ({"top_p": True}, "x.yaml: trl: top_p has to be float (got True)"),
        ({"min_p": []}, "x.yaml: trl: min_p has to be float or None (got [])"),
        (
            {"loss_type": "dapoo"},
            "x.yaml: trl: loss_type is one of grpo, bnpo, dr_grpo, dapo, cispo, sapo, luspo, vespo (got 'dapoo')",
        ),
        ({"sync_ref_model": True}, "x.yaml: trl.sync_ref_model moves the reference of the KL term: give beta above 0"),
    ],
)
def test_a_mistake_is_one_line(values: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as raised:
        made(GrpoSettings, GRPO | {"trl": values})
    assert str(raised.value) == told


def test_what_is_ours_differs_by_stage() -> None:
    assert made(SftSettings, SFT | {"trl": {"packing": True, "optim": "sgd"}}).trl["packing"]
    with pytest.raises(InputError, match="SFTConfig has no field 'num_iterations'"):
        made(GsrmSettings, {"model": "m", "trl": {"num_iterations": 2}})
    with pytest.raises(InputError, match="completions alone are learned from"):
        made(SftSettings, SFT | {"trl": {"completion_only_loss": False}})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"credit": "step", "trl": {"scale_rewards": "batch"}}, "credit: step goes with"),
        ({"beta": 0.1, "trl": {"sync_ref_model": True}}, "with an adapter there is none"),
        ({"lora": {"r": 0, "quantise": "4bit"}}, "quantise goes with an adapter"),
        ({"lora": {"quantise": "3bit"}}, "4bit"),
    ],
)
def test_what_does_not_go_together(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        made(GrpoSettings, GRPO | settings)


def test_ours_and_theirs_become_one_settings_object(tmp_path: Path) -> None:
    from rlkd_train.grpo.arguments import arguments

    usual = arguments(made(GrpoSettings, GRPO), tmp_path)
    assert (usual.loss_type, usual.generation_batch_size, usual.learning_rate) == ("bnpo", 32, 5e-5)
    given = {
        "loss_type": "dr_grpo",
        "scale_rewards": False,
        "epsilon_high": 0.28,
        "num_iterations": 2,
        "steps_per_generation": 16,
        "top_p": 0.9,
        "top_k": 40,
        "min_p": 0.05,
        "mask_truncated_completions": True,
        "multi_objective_aggregation": "normalize_then_sum",
        "optim": "adamw_torch",
        "lr_scheduler_kwargs": {"min_lr_rate": 0.1},
        "save_total_limit": 5,
        "vllm_mode": "server",
    }
    settings = made(GrpoSettings, GRPO | {"optim": {"schedule": "cosine_with_min_lr"}, "trl": given})
    found = arguments(settings, tmp_path)
    assert {name: getattr(found, name) for name in given} == given | {"scale_rewards": "none"}
    assert found.generation_batch_size == 16 * 4


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"trl": {"optim": "adamm"}}, "trl: adamm is not a valid OptimizerNames, please select one of"),
        ({"trl": {"steps_per_generation": 3, "num_iterations": 1}, "optim": {"micro_batch": 2}}, "are no whole groups"),
        ({"trl": {"use_vllm": True}}, "trl.use_vllm needs a package that is not installed: pip install vllm"),
        ({"trl": {"use_liger_kernel": True}}, "pip install liger-kernel"),
        ({"trl": {"optim": "paged_adamw_8bit"}}, "pip install bitsandbytes"),
        ({"lora": {"quantise": "4bit"}}, "lora.quantise: 4bit needs a CUDA device, and there is none: leave it out"),
    ],
)
def test_what_trl_or_the_machine_refuses_is_told_before_a_model_is_loaded(
    tmp_path: Path, more: dict[str, Any], told: str
) -> None:
    from rlkd_train.grpo.arguments import arguments

    with pytest.raises(InputError) as raised:
        arguments(made(GrpoSettings, GRPO | more), tmp_path)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"attn_implementation": "flash9"}, "attn_implementation: flash9: "),
        ({"lora": {"target_modules": ["q_proj", "w_proj"]}}, "lora.target_modules: the model has no module 'w_proj'"),
    ],
)
def test_a_model_that_cannot_be_had_so(tmp_path: Path, settings: dict[str, Any], told: str) -> None:
    from rlkd_train.student import load_student
    from tests.support.tiny_model import save_tiny_model

    model = save_tiny_model(tmp_path / "tiny")
    with pytest.raises(InputError) as raised:
        load_student(made(GrpoSettings, GRPO | {"model": str(model)} | settings))
    assert told in str(raised.value)


def test_an_adapter_on_named_layers_with_modules_beside_it(tmp_path: Path) -> None:
    from peft import AutoPeftModelForCausalLM

    from rlkd_train.run_folder import save_model
    from rlkd_train.student import load_student
    from tests.support.tiny_model import save_tiny_model

    tiny = save_tiny_model(tmp_path / "tiny")
    lora = {"r": 4, "target_modules": ["q_proj"], "modules_to_save": ["model.norm"]}
    model, tokenizer = load_student(
        made(GrpoSettings, GRPO | {"model": str(tiny), "lora": lora, "attn_implementation": "eager"})
    )
    assert model.config._attn_implementation == "eager"
    trained = {name for name, one in model.named_parameters() if one.requires_grad}
    assert trained == {
        *(f"base_model.model.model.layers.0.self_attn.q_proj.lora_{half}.default.weight" for half in "AB"),
        "base_model.model.model.norm.modules_to_save.default.weight",
    }
    for name, one in model.named_parameters():
        if name in trained:
            one.data.fill_(0.25)
    again = AutoPeftModelForCausalLM.from_pretrained(save_model(model, tokenizer, tmp_path, str(tiny)))
    kept = {name: one.float() for name, one in again.named_parameters() if name in trained}
    assert set(kept) == trained
    assert all((one == 0.25).all() for one in kept.values())
