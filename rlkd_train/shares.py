"""How a step's sequences are shared by the processes of a run. Pure."""

from __future__ import annotations

from rlkd_data.errors import InputError

WAIT = 7 * 24 * 3600
"""Seconds that processes wait for each other: while the main one scores, which an outage of a server may hold up. One
that ends is noticed at once."""


def share(total: int, micro_batch: int, processes: int, told: str) -> tuple[int, int]:
    """(sequences in a forward pass, forward passes in a step) of each of `processes`, so that a step is of `total`
    sequences whatever their number. `micro_batch` is the most in a forward pass; several processes take fewer where
    their share of a step is smaller. Raises InputError where the step cannot be shared."""
    if processes == 1 and total % micro_batch:
        raise InputError(f"optim.micro_batch is {micro_batch}, which does not divide {told}")
    if total % processes:
        raise InputError(
            f"{processes} processes cannot share {told} evenly: take a number of processes that divides {total}"
        )
    each = total // processes
    micro = next(size for size in range(min(micro_batch, each), 0, -1) if each % size == 0)
    return micro, each // micro
