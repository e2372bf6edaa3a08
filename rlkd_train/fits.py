"""Whether a run can do what its settings say: looked at before a model or a GSRM is loaded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rlkd_data.errors import InputError

_NVIDIA = "0x10de"
_DISPLAY = "0x03"


def positions(folder: Path) -> int | None:
    """The positions that a model has, prompt and completion together; None where its configuration does not say."""
    config = open_config(folder)
    found = getattr(config.get_text_config(), "max_position_embeddings", None)
    return int(found) if found else None


def open_config(folder: Path) -> Any:
    """A model's configuration. Raises InputError where it cannot be read."""
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder)
    except (OSError, ValueError, KeyError) as problem:
        said = " ".join(str(problem).split())[:300]
        raise InputError(f"{folder}: its configuration cannot be read: {said}") from None


def check_positions(model: str, room: int | None, longest_prompt: int, completion: int) -> None:
    """Raises InputError where the longest prompt and the longest completion have no room in the model together."""
    if room is None or longest_prompt + completion <= room:
        return
    left = room - longest_prompt
    change = f"set max_completion to {left:,} or less" if left > 0 else "leave such problems out (max_prompt)"
    raise InputError(
        f"{model} has {room:,} positions, too few for the longest prompt ({longest_prompt:,} tokens) and "
        f"max_completion ({completion:,}): {change}"
    )


def check_enough(problems: int, prompts_per_step: int, drawn_by: str | None = None) -> None:
    """Raises InputError where there are fewer problems than a step takes, or than are drawn at a time by the setting
    `drawn_by`: TRL's sampler drops what is incomplete, so nothing would be trained, in silence."""
    if problems < prompts_per_step and drawn_by is not None:
        raise InputError(
            f"{problems} problem{'s' if problems != 1 else ''}, and {drawn_by} draws completions of {prompts_per_step} "
            "different ones at a time: set it to less"
        )
    if problems < prompts_per_step:
        raise InputError(
            f"{problems} problem{'s' if problems != 1 else ''} and prompts_per_step {prompts_per_step}: a step takes "
            f"so many different problems; set prompts_per_step to {problems} or less"
        )


def unused_card(devices: Path = Path("/sys/bus/pci/devices")) -> str | None:
    """What to say where the machine has an NVIDIA card that torch cannot use; None where it uses one, where there is
    none, and where the environment hides it on purpose."""
    import torch

    if torch.cuda.is_available() or os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1") or not _has_card(devices):
        return None
    why = (
        f"torch {torch.__version__} is built without CUDA"
        if torch.version.cuda is None
        else f"torch {torch.__version__} finds no driver for CUDA {torch.version.cuda}"
    )
    return (
        f"this machine has an NVIDIA card, but {why}: training runs on the CPU. Install torch for the card, or set "
        "CUDA_VISIBLE_DEVICES= to have it so"
    )


def _has_card(devices: Path) -> bool:
    for device in devices.glob("*"):
        try:
            vendor, kind = ((device / name).read_text().strip() for name in ("vendor", "class"))
        except OSError:
            continue
        if vendor == _NVIDIA and kind.startswith(_DISPLAY):
            return True
    return False
