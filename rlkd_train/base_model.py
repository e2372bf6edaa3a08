"""How the weights that training starts from are loaded: in how many bits, and with which attention."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from rlkd_data.errors import InputError
from rlkd_train.config import TrainSettings


def check_quantised(settings: TrainSettings) -> None:
    """Raises InputError where a quantised base is asked for that this machine cannot hold."""
    import torch

    asked = settings.lora.quantise
    if asked is None:
        return
    if not torch.cuda.is_available():
        raise InputError(f"lora.quantise: {asked} needs a CUDA device, and there is none: leave it out")
    if find_spec("bitsandbytes") is None:
        raise InputError(f"lora.quantise: {asked} needs a package that is not installed: pip install bitsandbytes")


def options(settings: TrainSettings) -> dict[str, Any]:
    """Further arguments of `from_pretrained`. Four bits are QLoRA's: NF4, its constants quantised as well, products in
    bfloat16 (Dettmers et al. 2023, section 3). Raises InputError as `check_quantised`."""
    import torch

    check_quantised(settings)
    found: dict[str, Any] = {}
    if settings.attn_implementation is not None:
        found["attn_implementation"] = settings.attn_implementation
    if settings.lora.quantise is not None:
        from transformers import BitsAndBytesConfig

        four = settings.lora.quantise == "4bit"
        found["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=four,
            load_in_8bit=not four,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
        found["device_map"] = {"": torch.cuda.current_device()}
    return found


@contextmanager
def attention_told(settings: TrainSettings) -> Iterator[None]:
    """Have an attention that is not there or that the model does not know said in one line."""
    try:
        yield
    except (ImportError, ValueError) as problem:
        if settings.attn_implementation is None or settings.attn_implementation not in str(problem):
            raise
        said = " ".join(str(problem).split())
        raise InputError(f"attn_implementation: {settings.attn_implementation}: {said}") from None


def named_layers(model: Any, settings: TrainSettings) -> str | list[str]:
    """The layers that get an adapter, as peft takes them. Raises InputError for a name that no module ends in."""
    lora = settings.lora
    for field, names in (("target_modules", lora.target_modules), ("modules_to_save", lora.modules_to_save)):
        ends = {name.rpartition(".")[2] for name, _ in model.named_modules()}
        for name in names or ():
            if name.rpartition(".")[2] not in ends and name != "all-linear":
                raise InputError(f"lora.{field}: the model has no module {name!r}: there are {', '.join(sorted(ends))}")
    if lora.target_modules is None or lora.target_modules == ("all-linear",):
        return "all-linear"
    return list(lora.target_modules)
