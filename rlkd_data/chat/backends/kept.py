"""Local models that one stage of a pipeline has loaded, kept for the next: each load takes seconds on a CPU, and one
annotator serves decompositions, evaluations and the reward. Only on a CPU: a GPU's memory is the trainer's."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

KEPT_BYTES = 3 << 30
"""What the weights of models that are kept may take together. The one that was used longest ago goes first."""

Loaded = tuple[Any, Any]
"""(model, tokenizer)"""

_rooms: list[OrderedDict[str, tuple[Loaded, int]]] = []
"""The innermost `keeping` is the last. For all threads: models are loaded in threads of their own."""


@contextmanager
def keeping() -> Iterator[None]:
    """Within it, `kept` loads a model once; one within another shares its models."""
    _rooms.append(_rooms[-1] if _rooms else OrderedDict())
    try:
        yield
    finally:
        _rooms.pop()


def kept(identity: str, load: Callable[[], Loaded]) -> Loaded:
    """The model of that identity: one that is kept, else a new one."""
    if not _rooms:
        return load()
    room = _rooms[-1]
    if identity not in room:
        loaded = load()
        size = _bytes(loaded[0])
        if size > KEPT_BYTES:
            return loaded
        while room and size + sum(other for _, other in room.values()) > KEPT_BYTES:
            room.popitem(last=False)
        room[identity] = loaded, size
    room.move_to_end(identity)
    return room[identity][0]


def _bytes(model: Any) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in (*model.parameters(), *model.buffers()))
