"""Linear layers whose weights oneDNN has laid out once, for products of few rows.

A product of 1 to 32 rows, as generation makes, is over before a matrix library that lays out the weights anew each time
has paid for that: on two AVX2 cores SmolLM2's layers multiply 8 rows 1.6 times as fast so, 32 rows 1.5 times, a prompt
of 200 tokens 1.2 times, to the same numbers but for rounding (tests/bench/local_throughput.py).

Imports torch, so it is itself imported where weights are loaded.
"""

from __future__ import annotations

from typing import Any

import torch

_ROWS = 32
"""The number of rows that the layout is chosen for; it serves any."""


class PackedLinear(torch.nn.Module):
    """As `torch.nn.Linear`, for inference in float32 on a CPU. The layer's own weights are not kept."""

    def __init__(self, layer: torch.nn.Linear) -> None:
        super().__init__()
        packed = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), _ROWS)
        self.register_buffer("_weight", packed, persistent=False)
        self._bias = layer.bias

    def forward(self, states: Any) -> Any:
        return torch.ops.mkldnn._linear_pointwise(states, self._weight, self._bias, "none", [], "")


def pack(model: Any) -> Any:
    """The model with its linear layers packed, in place; as it is where this torch cannot, or the weights are not
    float32. What is tied to an embedding is packed as a copy."""
    onednn: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not onednn or not hasattr(torch.ops.mkldnn, "_linear_pointwise") or model.dtype != torch.float32:
        return model
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is torch.nn.Linear:
                setattr(module, name, PackedLinear(child))
    return model
