"""What would be accepted under `trl:` or beside it, and then not heard, or be found out with a traceback once models
are loaded: each is refused in one line before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rlkd_data.config import Settings
from rlkd_data.errors import InputError
from rlkd_data.run.pipeline import check_settings
from rlkd_train.config import DistillSettings, GrpoSettings, SftSettings

GRPO = {"model": "m", "traces": ["t"], "decompositions": ["d"]}
SFT = {"model": "m", "traces": ["t"]}
DISTILL = {"model": "m", "traces": ["t"], "teacher": "n"}
KINDS: dict[str, tuple[type[Settings], dict[str, Any]]] = {
    "grpo": (GrpoSettings, GRPO),
    "sft": (SftSettings, SFT),
    "distill": (DistillSettings, DISTILL),
}


def made(kind: str, values: dict[str, Any]) -> Any:
    settings, base = KINDS[kind]
    return check_settings(settings, base | values, "x.yaml")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("save_only_model", True, "is set by the command itself: the same one goes on"),
        ("eval_on_start", True, "is set by evaluation"),
        ("fsdp", "full_shard", "is set by --accelerate of `rlkd-train launch`"),
        ("deepspeed", "ds.json", "is set by --accelerate"),
        ("auto_find_batch_size", True, "is set by optim.micro_batch"),
        ("train_sampling_strategy", "sequential", "is set by the command itself"),
        ("adam_beta1", float("nan"), "has to be a finite number"),
        ("adam_epsilon", -1.0, "has to be above 0 (got -1.0)"),
        ("neftune_noise_alpha", -3.0, "has to be at least 0 (got -3.0)"),
    ],
)
def test_a_key_that_would_not_be_heard_or_cannot_be(kind: str, name: str, value: Any, told: str) -> None:
    with pytest.raises(InputError) as raised:
        made(kind, {"trl": {name: value}})
    assert f"trl: {name} {told}" in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("kind", "values", "told"),
    [
        ("grpo", {"trl": {"num_iterations": 0}}, "num_iterations has to be at least 1 (got 0)"),
        ("grpo", {"trl": {"steps_per_generation": 0}}, "steps_per_generation has to be at least 1 (got 0)"),
        ("grpo", {"trl": {"top_p": 7.0}}, "top_p has to be above 0 and at most 1 (got 7.0)"),
        ("grpo", {"trl": {"top_k": -1}}, "top_k has to be at least 0 (got -1)"),
        ("grpo", {"trl": {"num_generations_eval": 2}}, "is set by evaluation.k"),
        ("grpo", {"trl": {"steps_per_generation": 3}, "optim": {"micro_batch": 2}}, "are no whole groups of generatio"),
        ("grpo", {"optim": {"accumulate": 9}}, "optim.accumulate is not heard here, it follows from prompts_per_step"),
        ("distill", {"optim": {"accumulate": 9}}, "optim.accumulate is not heard here, it follows from prompts_per_s"),
        ("grpo", {"optim": {"logging_steps": 9}}, "each step is logged"),
        ("grpo", {"weights": {"structure": 0, "accuracy": 0, "format": 0}}, "so nothing would be learned"),
        ("grpo", {"weights": {"structure": 0, "alpha": 0}}, "alpha stands for"),
        (
            "grpo",
            {"evaluation": {"problems": ["h"]}, "trl": {"chat_template_kwargs": {"enable_thinking": False}}},
            "evaluation does not hear trl.chat_template_kwargs",
        ),
        ("sft", {"max_steps": 0}, "give at least 1 step, or -1"),
        ("sft", {"max_steps": -7}, "give at least 1 step, or -1"),
        ("sft", {"trl": {"shuffle_dataset": True}}, "shuffle_dataset goes with packing"),
        ("sft", {"seed": -1}, "seed"),
        ("sft", {"seed": 2**32}, "seed"),
        ("sft", {"lora": {"target_modules": []}}, "target_modules names no layer"),
        ("distill", {"teacher_url": "server:8000"}, "write it as http://HOST:PORT/v1"),
    ],
)
def test_settings_that_would_train_nothing_or_otherwise_than_they_say(
    kind: str, values: dict[str, Any], told: str
) -> None:
    with pytest.raises(InputError) as raised:
        made(kind, values)
    assert told in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            {"trl": {"generation_kwargs": {"max_new_tokens": 9}}},
            "generation_kwargs: max_new_tokens is set by max_c",
        ),
        ({"trl": {"generation_kwargs": {"no_repeat_ngram": 3}}}, "did you mean 'no_repeat_ngram_size'?"),
        ({"trl": {"lr_scheduler_kwargs": {"num_cycles": 2}}}, "is no argument of optim.schedule constant_with_warmup"),
        ({"optim": {"schedule": "cosine_with_min_lr"}}, "optim.schedule: cosine_with_min_lr: One of min_lr or"),
        ({"optim": {"schedule": "warmup_stable_decay"}}, "optim.schedule: warmup_stable_decay: get_wsd_schedule()"),
        ({"trl": {"optim": "lomo"}}, "trl.optim: lomo: You need to install `lomo_optim`"),
        ({"trl": {"optim_args": "foo=1"}}, "takes none (got 'foo=1')"),
        ({"trl": {"dataloader_persistent_workers": True}}, "set dataloader_num_workers"),
    ],
)
def test_what_transformers_finds_out_late_or_never(tmp_path: Path, more: dict[str, Any], told: str) -> None:
    from rlkd_train.grpo.arguments import arguments

    with pytest.raises(InputError) as raised:
        arguments(made("grpo", more), tmp_path)
    assert told in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_what_is_drawn_at_a_time_is_the_same_in_several_processes(tmp_path: Path, processes: int) -> None:
    """TRL counts `steps_per_generation` in micro-batches of each process."""
    from rlkd_train.grpo.arguments import arguments

    found = arguments(made("grpo", {"trl": {"steps_per_generation": 16}}), tmp_path, processes=processes)
    assert found.generation_batch_size == 16 * 4


@pytest.mark.parametrize("shuffle", [True, False])
def test_problems_come_as_they_stand_where_they_are_not_shuffled(shuffle: bool) -> None:
    from rlkd_train.order import groups

    order = groups(7, 2, 2, 1, seed=0, shuffle=shuffle)
    first, second = list(order), list(order)
    assert len(first) == 12 and (first == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]) is not shuffle
    assert (first == second) is not shuffle
