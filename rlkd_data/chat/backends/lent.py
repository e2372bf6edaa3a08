"""The `lent:` backend: a model that is in memory already, such as one that is being trained.

It writes as a `local:` model of the same weights does, but for rounding: its layers are not packed, and an adapter is
not merged. Its weights have no name, so a store that is given to it must hold nothing of other weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rlkd_data.chat.backends.local import LocalBackend
from rlkd_data.chat.open import BACKENDS

NAME = "lent"


class LentBackend(LocalBackend):
    """Generates from the model as it stands; it is left as it is, and not freed."""

    def __init__(self, name: str, model: Any, tokenizer: Any) -> None:
        self.model = f"{NAME}:{name}"
        self._identity = NAME  # the same random numbers at every step, so that curves differ by the weights alone
        self._begin(next(model.parameters()).device.type)
        self._loaded = (model, tokenizer)


@contextmanager
def lending(model: Any, tokenizer: Any) -> Iterator[None]:
    """Within it, `lent:NAME` is this model, whatever it is called. Dropout and gradient checkpointing rest."""
    training = model.training
    model.eval()
    BACKENDS[NAME] = lambda name, settings: LentBackend(name, model, tokenizer)
    try:
        yield
    finally:
        del BACKENDS[NAME]
        model.train(training)
