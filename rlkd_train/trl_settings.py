"""Ours and `trl:` as one of TRL's settings objects, made before any model is loaded. What TRL and transformers would
only find out with a model, or never, is looked at here."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from rlkd_data.errors import InputError

_PACKAGES = {
    "use_vllm": ("vllm", "vllm"),
    "use_liger_kernel": ("liger_kernel", "liger-kernel"),
}
"""What a field needs where it is not false: a module, and the package that brings it."""
_REFUSALS = (ValueError, TypeError, ImportError, NotImplementedError)
_MANY = 1_000_000
"""Steps, of a schedule that is made to see whether it can be."""
_OF_WORKERS = ("dataloader_persistent_workers", "dataloader_prefetch_factor", "dataloader_multiprocessing_context")
_GENERATION = {
    **dict.fromkeys(("max_new_tokens", "max_length"), "max_completion"),
    **dict.fromkeys(("num_return_sequences", "num_beams"), "generations"),
    "temperature": "temperature",
    **dict.fromkeys(("top_p", "top_k", "min_p", "repetition_penalty"), "trl, where it is heard by vLLM as well"),
}
"""Keys of `generation_kwargs` that are settings of another name."""


def build(config: type, ours: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    """`config(**ours, **given)`, what is given before ours. Raises InputError, in one line, where a package is missing
    or TRL refuses the values."""
    for name, (module, package) in _PACKAGES.items():
        if given.get(name) and find_spec(module) is None:
            raise InputError(f"trl.{name} needs a package that is not installed: pip install {package}")
    if "8bit" in str(given.get("optim")) and find_spec("bitsandbytes") is None:
        raise InputError(f"trl.optim: {given['optim']} needs a package that is not installed: pip install bitsandbytes")
    if given.get("activation_offloading") and not _has_card():
        raise InputError("trl.activation_offloading moves activations from a card to the CPU, and there is no card")
    with refusals("trl"):
        args = config(**{**ours, **given})
    _check_schedule(args)
    _check_optimiser(args)
    _check_generation(args)
    if not args.dataloader_num_workers and (idle := [name for name in _OF_WORKERS if given.get(name)]):
        raise InputError(f"trl.{idle[0]} is of workers that load rows, and there are none: set dataloader_num_workers")
    return args


def _has_card() -> bool:
    import torch

    return bool(torch.cuda.is_available())


@contextmanager
def refusals(where: str) -> Iterator[None]:
    """Have what TRL or transformers refuse said in one line, as a fault of the settings `where`."""
    try:
        yield
    except _REFUSALS as problem:
        raise InputError(f"{where}: {' '.join(str(problem).split())}") from None


def _check_schedule(args: Any) -> None:
    """Raises InputError where a schedule lacks an argument that it needs, or would not hear one that is given."""
    import torch
    from transformers.optimization import TYPE_TO_SCHEDULER_FUNCTION, get_scheduler

    name, given = args.lr_scheduler_type, args.lr_scheduler_kwargs or {}
    nothing = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=args.learning_rate)
    heard = set(inspect.signature(TYPE_TO_SCHEDULER_FUNCTION[name]).parameters) - set(
        inspect.signature(get_scheduler).parameters
    )
    if str(getattr(name, "value", name)).startswith("constant"):
        heard = set()
    if unheard := sorted(set(given) - heard):
        told = f"it takes {', '.join(sorted(heard - {'last_epoch'}))}" if heard - {"last_epoch"} else "it takes none"
        raise InputError(f"trl.lr_scheduler_kwargs: {unheard[0]} is no argument of optim.schedule {name.value}: {told}")
    with refusals(f"optim.schedule: {name.value}"):
        get_scheduler(
            name, nothing, num_warmup_steps=1, num_training_steps=_MANY, scheduler_specific_kwargs=dict(given)
        )


def _check_optimiser(args: Any) -> None:
    """Raises InputError where an optimiser is not installed, or takes none of the arguments that are given."""
    import torch
    from transformers import Trainer

    layer = torch.nn.Sequential(torch.nn.Linear(1, 1))
    if args.optim_target_modules is None:  # those that look for layers need the student's
        with refusals(f"trl.optim: {getattr(args.optim, 'value', args.optim)}"):
            _, plain = Trainer.get_optimizer_cls_and_kwargs(args, layer)
        if args.optim_args and _without(args, layer) == plain:
            raise InputError(f"trl.optim_args: {args.optim.value} takes none (got {args.optim_args!r})")


def _without(args: Any, layer: Any) -> Any:
    """What an optimiser is made with where it is given no arguments of its own."""
    from copy import copy

    from transformers import Trainer

    bare = copy(args)
    bare.optim_args = None
    return Trainer.get_optimizer_cls_and_kwargs(bare, layer)[1]


def _check_generation(args: Any) -> None:
    """Raises InputError for a key of `generation_kwargs` that drawing completions does not know, or that is a setting
    of another name: transformers takes any, and hears some."""
    given = getattr(args, "generation_kwargs", None) or {}
    if not given:
        return
    from transformers import GenerationConfig

    known = vars(GenerationConfig())
    for name in given:
        if name in _GENERATION:
            raise InputError(f"trl.generation_kwargs: {name} is set by {_GENERATION[name]}")
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            told = f": did you mean {close[0]!r}?" if close else ""
            raise InputError(f"trl.generation_kwargs: drawing completions knows no {name!r}{told}")
