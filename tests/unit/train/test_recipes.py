"""The paper's arms as they are shipped: each loads, says what it deviates in, and how it is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlkd_data.config import Settings
from rlkd_data.errors import InputError
from rlkd_data.run.pipeline import check_settings, read_yaml
from rlkd_data.run.resources import resource
from rlkd_train.config import GrpoSettings, GsrmSettings, SftSettings
from rlkd_train.recipes import FOLDER, find
from rlkd_train.shares import share

KINDS: dict[str, type[Settings]] = {
    "gsrm-7b": GsrmSettings,
    "rlkd-r1-distill-qwen-7b": GrpoSettings,
    "rlkd-zero-qwen2.5-math-7b": GrpoSettings,
    "rl-only-7b": GrpoSettings,
    "sft-7b": SftSettings,
    "sft-rl-7b": GrpoSettings,
}


def loaded(name: str) -> Settings:
    return check_settings(KINDS[name], read_yaml(resource(*FOLDER, f"{name}.yaml")), name)


def test_there_are_all_of_them() -> None:
    assert {path.stem for path in resource(*FOLDER).glob("*.yaml")} == set(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_a_recipe_loads_is_found_by_its_name_and_says_how_it_is_started_and_what_to_see(name: str) -> None:
    settings = loaded(name)
    path = resource(*FOLDER, f"{name}.yaml")
    assert find(Path(name)) == path
    head = path.read_text(encoding="utf-8").partition("\nmodel:")[0]
    verb = {GsrmSettings: "gsrm", SftSettings: "sft", GrpoSettings: "grpo"}[type(settings)]
    for line in (f"rlkd-train {verb} --config {name} ", f"rlkd-train launch {verb} --config {name} ", "lora.r=0"):
        assert line in head, line
    assert "What you should see:" in head and "\n# What you should see:" in head


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind is GrpoSettings])
def test_grpo_has_the_papers_settings_and_shares_a_step_among_eight(name: str) -> None:
    settings = loaded(name)
    assert isinstance(settings, GrpoSettings)
    total = settings.prompts_per_step * settings.generations
    assert (total, settings.generations, settings.temperature, settings.max_prompt) == (32, 4, 0.7, 1024)
    optim = settings.optim
    assert (optim.learning_rate, optim.max_grad_norm, optim.warmup_ratio) == (5e-5, 0.2, 0.1)
    for count in (1, 8):
        micro_batch, accumulate = share(total, optim.micro_batch, count, "")
        assert micro_batch * accumulate * count == total
    assert settings.asks_structure is name.startswith("rlkd")
    assert settings.trl["use_vllm"] and settings.trl["vllm_mode"] == "colocate"


def test_an_unknown_recipe_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"neither a file nor a recipe .*gsrm-7b, rl-only-7b"):
        find(Path("gsrm-8b"))
    assert find(Path("mine.yaml")) == Path("mine.yaml")
