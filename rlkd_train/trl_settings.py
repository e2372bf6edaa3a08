"""Ours and `trl:` as one of TRL's settings objects, made before any model is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from rlkd_data.errors import InputError

_PACKAGES = {
    "use_vllm": ("vllm", "vllm"),
    "use_liger_kernel": ("liger_kernel", "liger-kernel"),
    "deepspeed": ("deepspeed", "deepspeed"),
}
"""What a field needs where it is not false: a module, and the package that brings it."""


def build(config: type, ours: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    """`config(**ours, **given)`, what is given before ours. Raises InputError, in one line, where a package is missing
    or TRL refuses the values."""
    for name, (module, package) in _PACKAGES.items():
        if given.get(name) and find_spec(module) is None:
            raise InputError(f"trl.{name} needs a package that is not installed: pip install {package}")
    if "8bit" in str(given.get("optim")) and find_spec("bitsandbytes") is None:
        raise InputError(f"trl.optim: {given['optim']} needs a package that is not installed: pip install bitsandbytes")
    try:
        return config(**{**ours, **given})
    except (ValueError, TypeError, ImportError) as problem:
        raise InputError(f"trl: {' '.join(str(problem).split())}") from None
