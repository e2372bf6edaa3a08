"""How much memory a training run takes, part by part, on each of its devices. Pure but for reading a configuration.

Weights, gradients and AdamW's two moments are counted exactly, on a model without storage. Activations are those that
the backward pass of a Transformer of Llama's kind keeps, for each token and layer: eight vectors of the hidden size
(two norms and their inputs, attention in and out), q, k, v, and four of the MLP's (Korthikanti et al. 2022, section 4,
counted for a gated MLP and attention that keeps no matrix of scores). Where they are computed again, a layer keeps its
input alone, and one layer at a time has all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FLOAT, HALF = 4, 2
"""Bytes of a float32 and of a bfloat16."""
_QUANTISED = {4: 0.5 + 0.127 / 8, 8: 1.0}
"""Bytes of a weight in so many bits; in four with the constants that are quantised again (Dettmers et al. 2023, section
3: 0.127 bits a weight)."""
_VECTORS, _NORMS, _MLP = 4, 4, 4
_LOGITS = 512
"""Positions whose logits are held at a time: TRL's fused output layer and ours work in chunks."""
_USABLE = 0.9
"""Of a device's memory; the rest goes to what allocators leave unused, and to kernels."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a model is made of. `parameters` counts all weights, `trained` those that are trained."""

    parameters: int
    trained: int
    layers: int
    hidden: int
    mlp: int
    keys: int
    """Of the keys, and as many of the values, of one token in one layer."""
    vocabulary: int
    linear: int = 0
    """Weights of the base's linear layers but the output's: those that are quantised."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a run asks of each of its devices. `sequences` of `tokens` each are in a forward and backward pass, and
    `drawn` are generated at once (0: none here)."""

    tokens: int
    sequences: int
    drawn: int = 0
    half: bool = False
    """Products of matrices are in bfloat16."""
    adapter: bool = False
    reference: bool = False
    shards: int = 1
    """Devices that weights, gradients and optimiser are spread over."""
    moments: float = 2 * FLOAT
    """Bytes of the optimiser for a trained weight."""
    bits: int | None = None
    """In which the frozen base's linear layers are held (QLoRA)."""
    buckets: bool = False
    """Each process has the whole model, and copies its gradients for the others (DDP)."""


def parts(shape: Shape, load: Load, *, checkpointing: bool) -> dict[str, int]:
    """Bytes by part: weights, gradients, optimiser, activations, and where there are any kv_cache and reference."""
    width = HALF if load.half else FLOAT
    frozen = shape.parameters - shape.trained
    quantised = min(shape.linear, frozen) if load.bits else 0
    held = (frozen - quantised) * (width if load.adapter else FLOAT) + shape.trained * FLOAT
    found: dict[str, float] = {
        "weights": held + quantised * _QUANTISED.get(load.bits or 0, 0.0),
        "gradients": shape.trained * FLOAT * (2 if load.buckets else 1),
        "optimiser": shape.trained * load.moments,
    }
    if load.half and load.shards == 1:  # autocast keeps them from the forward pass to the backward one
        found["weights in bfloat16"] = shape.trained * HALF
    if load.reference:
        found["reference"] = shape.parameters * FLOAT
    sizes = {name: int(size) // load.shards for name, size in found.items()}
    sizes["activations"] = activations(shape, load, checkpointing=checkpointing)
    if load.drawn:
        sizes["kv_cache"] = load.drawn * load.tokens * shape.layers * 2 * shape.keys * width
    return sizes


def moments(optimiser: str) -> float:
    """Bytes that an optimiser, by transformers' name of it, keeps for a trained weight."""
    width = 1.0 if "8bit" in optimiser else 0.5 if "4bit" in optimiser else float(FLOAT)
    if optimiser in ("sgd", "adafactor"):  # a factor a row and column, which is little
        return 0.0
    if any(name in optimiser for name in ("lion", "rmsprop", "adagrad")):
        return width
    return 3 * width if "ademamix" in optimiser else 2 * width


def activations(shape: Shape, load: Load, *, checkpointing: bool) -> int:
    """Bytes that the backward pass of one micro-batch needs."""
    width = HALF if load.half else FLOAT
    tokens = load.tokens * load.sequences
    layer = width * (_VECTORS * shape.hidden + 2 * shape.hidden + 2 * shape.keys + _MLP * shape.mlp)
    layer += FLOAT * _NORMS * shape.hidden  # norms are taken in float32
    kept = shape.layers * shape.hidden * width + layer if checkpointing else shape.layers * layer
    logits = min(tokens, _LOGITS) * shape.vocabulary * FLOAT * 2
    return tokens * kept + logits


def fits(needed: Mapping[str, int], room: int) -> bool:
    return sum(needed.values()) <= _USABLE * room


def shape_of(settings: Any, folder: Path) -> Shape:
    """The shape of the model in `folder` as the settings train it: an adapter's weights alone, or all."""
    import torch
    from transformers import AutoModelForCausalLM

    from rlkd_train.fits import open_config
    from rlkd_train.student import with_adapter

    config = open_config(folder)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
        linear = sum(one.weight.numel() for one in model.modules() if isinstance(one, torch.nn.Linear))
        head = model.get_output_embeddings()
        linear -= head.weight.numel() if isinstance(head, torch.nn.Linear) else 0
        if settings.lora.r:
            model = with_adapter(model, settings)
    text = config.get_text_config()
    heads = int(text.num_attention_heads)
    size = int(getattr(text, "head_dim", None) or text.hidden_size // heads)
    return Shape(
        parameters=sum(weight.numel() for weight in model.parameters()),
        trained=sum(weight.numel() for weight in model.parameters() if weight.requires_grad),
        layers=int(text.num_hidden_layers),
        hidden=int(text.hidden_size),
        mlp=int(getattr(text, "intermediate_size", None) or 4 * text.hidden_size),
        keys=int(getattr(text, "num_key_value_heads", None) or heads) * size,
        vocabulary=int(text.vocab_size),
        linear=linear,
    )


def weights_of(folder: Path) -> int:
    """How many weights the model in `folder` has."""
    import torch
    from transformers import AutoModelForCausalLM

    from rlkd_train.fits import open_config

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(open_config(folder))
    return sum(weight.numel() for weight in model.parameters())


def room() -> tuple[str, int]:
    """(the device that training runs on, its free memory in bytes)."""
    import torch

    if torch.cuda.is_available():
        free, _ = torch.cuda.mem_get_info()
        return torch.cuda.get_device_name(), free
    import psutil

    return "CPU", int(psutil.virtual_memory().available)


def whole() -> int:
    """All memory of the device that training runs on, in bytes."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[1])
    import psutil

    return int(psutil.virtual_memory().total)
