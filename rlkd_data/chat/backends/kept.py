"""Local models that one stage of a pipeline has loaded, kept for the next: each load takes seconds on a CPU, and the same
annotator serves decompositions, both evaluations and the reward. Only on a CPU: a GPU's memory is the trainer's."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

KEPT_BYTES = 3 << 30
"""What the weights of models that are kept may take together. The one that was used longest ago goes first."""

Loaded = tuple[Any, Any]
"""(model, tokenizer)"""

_kept: OrderedDict[str, tuple[Loaded, int]] | None = None


@contextmanager
def keeping() -> Iterator[None]:
    """Within it, `kept` loads a model once."""
    global _kept
    before, _kept = _kept, OrderedDict()
    try:
        yield
    finally:
        _kept = before


def kept(identity: str, load: Callable[[], Loaded]) -> Loaded:
    """The model of that identity: one that is kept, else a new one."""
    if _kept is None:
        return load()
    if identity not in _kept:
        loaded = load()
        size = _bytes(loaded[0])
        if size > KEPT_BYTES:
            return loaded
        while _kept and size + sum(other for _, other in _kept.values()) > KEPT_BYTES:
            _kept.popitem(last=False)
        _kept[identity] = loaded, size
    _kept.move_to_end(identity)
    return _kept[identity][0]


def _bytes(model: Any) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in (*model.parameters(), *model.buffers()))
