"""Draws the next tokens of a batch, each row with random numbers of its own.

Transformers draws all rows from one random state, so that a row's tokens depend on its neighbours, and sorts the whole
vocabulary for top-p: on two cores that takes up to 40 % of the time of a small model (tests/bench/local_throughput.py).
Here one number a row is turned into a token by inverting the cumulative distribution, and only the likely part of the
vocabulary is sorted.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

_LIKELY = 256
"""Tokens among which the nucleus is looked for first; more are taken where it is larger."""


class Draw:
    """A logits processor that leaves each row only its drawn token, so that greedy decoding takes it.

    `streams`: random numbers, one a row. `top_p`: the nucleus, the fewest likeliest tokens whose probabilities add up
    to it (Holtzman et al. 2019, section 3.1).
    """

    def __init__(self, temperature: float, top_p: float | None, streams: Sequence[random.Random]) -> None:
        self._temperature, self._top_p = temperature, top_p
        self._streams = streams

    def __call__(self, ids: Any, scores_BV: Any) -> Any:
        import torch

        probabilities_BV = torch.softmax(scores_BV.float() / self._temperature, dim=-1)
        uniform_B1 = torch.tensor([[stream.random()] for stream in self._streams], device=scores_BV.device)
        tokens_B1 = draw(probabilities_BV, self._top_p, uniform_B1)
        return torch.full_like(scores_BV, -torch.inf).scatter_(1, tokens_B1, 0.0)


def draw(probabilities_BV: Any, top_p: float | None, uniform_B1: Any) -> Any:
    """Token ids (B, 1) from probabilities (B, V) and numbers from [0, 1) (B, 1)."""
    if top_p is None or top_p >= 1.0:
        return _invert(probabilities_BV, uniform_B1)
    likely_BK, tokens_BK = _likeliest(probabilities_BV, top_p)
    before_BK = likely_BK.cumsum(-1) - likely_BK
    before_BK[:, 0] = 0.0  # rounding must not take the likeliest token away
    return tokens_BK.gather(1, _invert(likely_BK * (before_BK < top_p), uniform_B1))


def _likeliest(probabilities_BV: Any, top_p: float) -> tuple[Any, Any]:
    """As many of the likeliest tokens as hold the nucleus of every row, in falling order."""
    size = probabilities_BV.shape[1]
    count = min(_LIKELY, size)
    while True:
        likely_BK, tokens_BK = probabilities_BV.topk(count, dim=-1)
        if count == size or bool((likely_BK.sum(-1) >= top_p).all()):
            return likely_BK, tokens_BK
        count = min(8 * count, size)


def _invert(weights_BN: Any, uniform_B1: Any) -> Any:
    """The first position whose cumulative weight is above the drawn share of the whole: never one of weight 0."""
    import torch

    cumulative_BN = weights_BN.cumsum(-1)
    whole_B1 = cumulative_BN[:, -1:]
    share_B1 = (uniform_B1 * whole_B1).minimum(torch.nextafter(whole_B1, torch.zeros_like(whole_B1)))
    return torch.searchsorted(cumulative_BN, share_B1, right=True)
