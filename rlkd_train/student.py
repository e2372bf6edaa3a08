"""The model that a training stage starts from, with its adapter."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from rlkd_data.errors import InputError
from rlkd_train.base_model import attention_told, named_layers, options
from rlkd_train.config import TrainSettings
from rlkd_train.tokenizer import open_tokenizer


def load_student(settings: TrainSettings) -> tuple[Any, Any]:
    """(model, tokenizer), on the CPU, ready to train: with a new LoRA adapter, or all weights where `lora.r` is 0.

    Weights that are trained are float32 (a bfloat16 weight loses small updates); frozen ones under an adapter are
    bfloat16 where the GPU or CPU multiplies that fast. A model that is itself an adapter is first merged into its base.
    Raises InputError where the model cannot be found.
    """
    import torch
    from transformers import AutoModelForCausalLM

    from rlkd_data.chat.backends.models import resolve
    from rlkd_data.chat.backends.quiet import quieten

    quieten()
    found = resolve(settings.model.removeprefix("local:"))
    tokenizer = open_tokenizer(settings, found)
    frozen = settings.lora.r > 0
    weights = found.base.path if found.base else found.path
    half = frozen and in_bfloat16(settings)
    if found.base and settings.lora.quantise:
        raise InputError(
            "lora.quantise: the model is an adapter, which a quantised base cannot take in: merge it first"
        )
    with attention_told(settings):
        dtype = torch.bfloat16 if half else torch.float32
        model = AutoModelForCausalLM.from_pretrained(weights, dtype=dtype, **options(settings))
    if found.base:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, found.path).merge_and_unload()
        model.requires_grad_(True)  # peft has frozen the base
    if frozen:
        model = with_adapter(model, settings)
    return model, tokenizer


def is_adapter(settings: TrainSettings) -> bool:
    """Whether the model that training starts from is an adapter on another."""
    from rlkd_data.chat.backends.models import resolve

    return resolve(settings.model.removeprefix("local:")).base is not None


def keep_start(model: Any, folder: Path) -> None:
    """Write the weights that training starts from, merged, to `folder`: TRL is to load the reference of the KL term
    from there, which would be the adapter's base without it. A folder that is there is whole."""
    if not folder.exists():
        temporary = folder.with_name(f".{folder.name}.partial")
        shutil.rmtree(temporary, ignore_errors=True)
        model.save_pretrained(temporary)
        temporary.rename(folder)


def in_bfloat16(settings: TrainSettings) -> bool:
    """Whether the settings, or without a word from them the device, ask for products of matrices in bfloat16."""
    import torch

    from rlkd_data.chat.backends.weights import cpu_has_bfloat16

    if settings.precision != "auto":
        return settings.precision == "bfloat16"
    return torch.cuda.is_available() or cpu_has_bfloat16()


def with_adapter(model: Any, settings: TrainSettings) -> Any:
    """The model under a new low-rank adapter, on every linear layer but the output's where none is named."""
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(
        r=settings.lora.r,
        lora_alpha=settings.lora.alpha,
        lora_dropout=settings.lora.dropout,
        target_modules=named_layers(model, settings),
        modules_to_save=list(settings.lora.modules_to_save or ()) or None,
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, lora)
