"""`trl:`, the fields of the installed TRL's own settings by their own names: which there are, read from its source
without importing it, which are ours under another name, and what may stand in them.

A wrong name or type is told when a file is loaded, before a pipeline runs; what TRL itself refuses, when the run starts
(`rlkd_train.trl_settings`).
"""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

Config = Literal["GRPOConfig", "SFTConfig", "DistillationConfig"]
_FILES: dict[str, tuple[str, str]] = {
    "GRPOConfig": ("trl", "trainer/grpo_config.py"),
    "SFTConfig": ("trl", "trainer/sft_config.py"),
    "DistillationConfig": ("trl", "trainer/distillation_config.py"),
    "_BaseConfig": ("trl", "trainer/base_config.py"),
    "TrainingArguments": ("transformers", "training_args.py"),
}
_BY_THE_COMMAND = "the command itself: the same one goes on from the last checkpoint"
_BY_THE_LAUNCHER = "--accelerate of `rlkd-train launch`, or `accelerate launch --config_file`"
_EVALUATION = "evaluation (sft and grpo), or `rlkd-train eval` afterwards"
_OURS = {
    "output_dir": "out",
    "per_device_train_batch_size": "optim.micro_batch",
    "learning_rate": "optim.learning_rate",
    "lr_scheduler_type": "optim.schedule",
    "warmup_steps": "optim.warmup_ratio",
    "warmup_ratio": "optim.warmup_ratio",
    "weight_decay": "optim.weight_decay",
    "max_grad_norm": "optim.max_grad_norm",
    "logging_steps": "optim.logging_steps",
    "save_steps": "optim.save_steps",
    "seed": "seed",
    "data_seed": "seed",
    "bf16": "precision",
    "fp16": "precision",
    "use_cpu": "precision",
    "model_init_kwargs": "model, precision, attn_implementation and lora.quantise",
    **dict.fromkeys(("activation_checkpointing", "gradient_checkpointing"), "checkpointing"),
    "report_to": "report_to",
    "push_to_hub": "hub",
    "hub_model_id": "hub.repo_id",
    "hub_private_repo": "hub.private",
    "hub_strategy": "hub",
    "hub_token": "the environment: HF_TOKEN",
    "hub_always_push": "hub",
    "hub_revision": "hub",
    **dict.fromkeys(
        (
            "resume_from_checkpoint",
            "ignore_data_skip",
            "save_only_model",
            "restore_callback_states_from_checkpoint",
            "enable_jit_checkpoint",
        ),
        _BY_THE_COMMAND,
    ),
    **dict.fromkeys(("fsdp", "fsdp_config", "deepspeed", "parallelism_config"), _BY_THE_LAUNCHER),
    **dict.fromkeys(("local_rank", "ddp_backend"), "the launcher and the device"),
    "ddp_timeout": "the command itself: processes wait for as long as scoring takes",
    **dict.fromkeys(("save_on_each_node", "log_on_each_node"), "the command itself: the main process alone writes"),
    "auto_find_batch_size": "optim.micro_batch",
    "logging_first_step": "optim.logging_steps",
    **dict.fromkeys(("label_names", "length_column_name"), "the command itself"),
    "train_sampling_strategy": "the command itself; shuffle_dataset: false keeps the tables' order",
    "remove_unused_columns": "what the reward needs",
    "trust_remote_code": "nobody: no code of a model's repository is run",
    **dict.fromkeys(
        ("do_train", "do_predict", "disable_tqdm", "logging_strategy", "save_strategy"), "the command itself"
    ),
    **dict.fromkeys(
        (
            "do_eval",
            "eval_strategy",
            "eval_steps",
            "eval_delay",
            "eval_on_start",
            "eval_accumulation_steps",
            "eval_do_concat_batches",
            "eval_use_gather_object",
            "per_device_eval_batch_size",
            "prediction_loss_only",
            "include_for_metrics",
            "batch_eval_metrics",
            "bf16_full_eval",
            "fp16_full_eval",
            "load_best_model_at_end",
            "metric_for_best_model",
            "greater_is_better",
        ),
        _EVALUATION,
    ),
}
_OURS_BY_CONFIG: dict[Config, dict[str, str]] = {
    "GRPOConfig": {
        "max_steps": "steps",
        "num_train_epochs": "steps",
        "gradient_accumulation_steps": "prompts_per_step, generations and optim.micro_batch",
        "generation_batch_size": "prompts_per_step",
        "num_generations": "generations",
        "max_completion_length": "max_completion",
        "temperature": "temperature",
        "beta": "beta",
        "reward_weights": "weights",
        "log_completions_hub_repo": "hub.completions",
        "num_generations_eval": "evaluation.k",
        "label_smoothing_factor": "nobody: there are no labels",
        "max_tool_calling_iterations": "nobody: students have no tools",
    },
    "SFTConfig": {
        "max_steps": "max_steps",
        "num_train_epochs": "epochs",
        "gradient_accumulation_steps": "optim.accumulate",
        "max_length": "max_length",
        "eval_packing": _EVALUATION,
        **dict.fromkeys(
            ("dataset_kwargs", "dataset_text_field", "dataset_num_proc", "truncation_mode"),
            "the command itself, which tokenises the tables",
        ),
        **dict.fromkeys(
            ("completion_only_loss", "assistant_only_loss"), "the command itself: completions alone are learned from"
        ),
        **dict.fromkeys(("chat_template_path", "eos_token"), "the tokenizer"),
    },
    "DistillationConfig": {
        "max_steps": "steps",
        "num_train_epochs": "steps",
        "gradient_accumulation_steps": "prompts_per_step and optim.micro_batch",
        "max_completion_length": "max_completion",
        "temperature": "temperature",
        "beta": "divergence",
        "teacher_model_name_or_path": "teacher",
        "teacher_model_revision": "teacher",
        "teacher_model_init_kwargs": "teacher",
        "label_smoothing_factor": "nobody: there are no labels",
        "max_tool_calling_iterations": "nobody: students have no tools",
    },
}
_CHOICES: dict[Config, dict[str, tuple[Any, ...]]] = {
    "GRPOConfig": {
        "loss_type": ("grpo", "bnpo", "dr_grpo", "dapo", "cispo", "sapo", "luspo", "vespo"),
        "scale_rewards": ("group", "batch", "none", True, False),
        "multi_objective_aggregation": ("sum_then_normalize", "normalize_then_sum"),
        "importance_sampling_level": ("token", "sequence"),
        "vllm_mode": ("colocate", "server"),
        "vllm_importance_sampling_mode": ("token_truncate", "token_mask", "sequence_truncate", "sequence_mask"),
    },
    "SFTConfig": {"loss_type": ("nll", "dft"), "packing_strategy": ("bfd", "bfd_split", "wrapped")},
    "DistillationConfig": {"vllm_mode": ("colocate", "server")},
}
"""What TRL finds out only at the first step, when models are loaded and completions drawn."""
_FROM_TO: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("num_iterations", "steps_per_generation", "ref_model_sync_steps"), (1, math.inf)),
    **dict.fromkeys(("top_k", "neftune_noise_alpha", "save_total_limit", "dataloader_num_workers"), (0, math.inf)),
    **dict.fromkeys(("epsilon", "epsilon_high", "delta", "entropy_coef"), (0, math.inf)),
    **dict.fromkeys(("min_p", "top_entropy_quantile", "ref_model_mixup_alpha", "label_smoothing_factor"), (0, 1)),
    **dict.fromkeys(("adam_beta1", "adam_beta2"), (0, 1)),
    **dict.fromkeys(("top_p", "vllm_gpu_memory_utilization"), (1e-6, 1)),
    **dict.fromkeys(("repetition_penalty", "adam_epsilon"), (1e-12, math.inf)),
}
"""Least and most of a number. TRL and transformers find some of them out when models are loaded, and others never: with
`num_iterations: 0` nothing would be trained, in silence."""
_TYPES: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "dict": (dict,),
    "list": (list,),
    "None": (type(None),),
}


def owned(config: Config) -> dict[str, str]:
    """TRL's names of what is a setting of ours, with its name."""
    return _OURS | _OURS_BY_CONFIG[config]


@lru_cache
def fields(config: Config) -> Mapping[str, str]:
    """The fields of one of the installed TRL's settings classes, each with its annotation; none where TRL is not
    installed. Nothing is imported."""
    found: dict[str, str] = {}
    for name in ("TrainingArguments", "_BaseConfig", config):  # the later one's annotation holds
        package, file = _FILES[name]
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            return {}
        tree = ast.parse((Path(spec.submodule_search_locations[0]) / file).read_text(encoding="utf-8"))
        body = next((one.body for one in tree.body if isinstance(one, ast.ClassDef) and one.name == name), [])
        for one in body:
            if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
                found[one.target.id] = ast.unparse(one.annotation)
    return found


def check(config: Config, values: Mapping[str, Any]) -> None:
    """Raises ValueError, in one line, for a name that TRL does not have or that is ours, and for a value that cannot
    stand there."""
    known, ours = fields(config), owned(config)
    for name, value in values.items():
        if name in ours:
            raise ValueError(f"{name} is set by {ours[name]}")
        if not known:
            continue
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            told = f"did you mean {close[0]!r}?" if close else "see TRL's documentation for its fields"
            if close and close[0] in ours:
                told = f"{close[0]!r} is set by {ours[close[0]]}"
            raise ValueError(f"{config} has no field {name!r}: {told}")
        if config == "SFTConfig" and name == "shuffle_dataset" and not values.get("packing"):
            raise ValueError("shuffle_dataset goes with packing: other rows lie by their lengths, mixed by seed")
        choices = _CHOICES[config].get(name)
        if choices is not None and not any(value is one or value == one for one in choices):
            shown = ", ".join(str(one) for one in choices if not isinstance(one, bool))
            raise ValueError(f"{name} is one of {shown} (got {value!r})")
        if choices is None and not _fits(value, known[name]):
            raise ValueError(f"{name} has to be {known[name].replace(' | ', ' or ')} (got {value!r})")
        _check_size(name, value)


def _check_size(name: str, value: Any) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return
    if not math.isfinite(value):
        raise ValueError(f"{name} has to be a finite number (got {value!r})")
    least, most = _FROM_TO.get(name, (-math.inf, math.inf))
    if not least <= value <= most:
        above = "above 0" if 0 < least < 1 else f"at least {least:.0f}"
        raise ValueError(
            f"{name} has to be {above}{f' and at most {most:.0f}' if most < math.inf else ''} (got {value})"
        )


def _fits(value: Any, annotation: str) -> bool:
    allowed: list[type] = []
    for one in _members(annotation):
        if one not in _TYPES:  # an enumeration, or what only TRL can tell
            return True
        allowed.extend(_TYPES[one])
    if isinstance(value, bool):
        return bool in allowed
    return isinstance(value, tuple(allowed))


def _members(annotation: str) -> Iterator[str]:
    """The plain names of a union's types: `dict[str, Any] | None` has dict and None."""
    for part in ast.unparse(ast.parse(annotation, mode="eval")).split(" | "):
        yield part.partition("[")[0]
