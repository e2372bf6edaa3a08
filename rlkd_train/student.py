"""The model that a training stage starts from, with its adapter."""

from __future__ import annotations

from typing import Any

from rlkd_train.config import TrainSettings


def load_student(settings: TrainSettings) -> tuple[Any, Any]:
    """(model, tokenizer), on the CPU, ready to train: with a new LoRA adapter, or all weights where `lora.r` is 0.

    Weights that are trained are float32 (a bfloat16 weight loses small updates); frozen ones under an adapter are
    bfloat16 where the GPU or CPU multiplies that fast. A model that is itself an adapter is first merged into its base.
    Raises InputError where the model cannot be found.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from rlkd_data.chat.backends.models import resolve
    from rlkd_data.chat.backends.quiet import quieten

    quieten()
    found = resolve(settings.model.removeprefix("local:"))
    frozen = settings.lora.r > 0
    weights = found.base.path if found.base else found.path
    half = frozen and in_bfloat16(settings)
    model = AutoModelForCausalLM.from_pretrained(weights, dtype=torch.bfloat16 if half else torch.float32)
    if found.base:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, found.path).merge_and_unload()
    tokenizer = AutoTokenizer.from_pretrained(found.path)
    if frozen:
        model = with_adapter(model, settings)
    return model, tokenizer


def in_bfloat16(settings: TrainSettings) -> bool:
    """Whether the settings, or without a word from them the device, ask for products of matrices in bfloat16."""
    import torch

    from rlkd_data.chat.backends.weights import cpu_has_bfloat16

    if settings.precision != "auto":
        return settings.precision == "bfloat16"
    return torch.cuda.is_available() or cpu_has_bfloat16()


def with_adapter(model: Any, settings: TrainSettings) -> Any:
    """The model under a new low-rank adapter on every linear layer but the output's."""
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(
        r=settings.lora.r,
        lora_alpha=settings.lora.alpha,
        lora_dropout=settings.lora.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, lora)
