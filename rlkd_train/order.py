"""The order of a run's rows: in every epoch another one, of the seed and the epoch alone.

The trainers' own samplers draw on from where their generator stands, which a run that goes on does not know: in a later
epoch it would take rows twice and others never.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch.utils.data import Sampler


class EpochOrder(Sampler[int]):
    """The rows' numbers by `order(epoch)`, `length` of them. Each pass is the next epoch's, from `first` on."""

    def __init__(self, order: Callable[[int], list[int]], length: int) -> None:
        self._order, self._length = order, length
        self.first = 0
        self._passes = 0

    def __iter__(self) -> Iterator[int]:
        epoch = self.first + self._passes
        self._passes += 1
        return iter(self._order(epoch))

    def __len__(self) -> int:
        return self._length


class InOrder:
    """A mixin of transformers' Trainer whose `_get_train_sampler` gives an EpochOrder, kept as `order`. A run that goes
    on from its last step, or from one that it was to end at, takes no further one."""

    order: EpochOrder

    def _run_epoch(self, **more: Any) -> None:
        state, control = self.state, self.control  # type: ignore[attr-defined]
        if state.global_step >= state.max_steps:
            control.should_training_stop = True
        if not control.should_training_stop:
            super()._run_epoch(**more)  # type: ignore[misc]

    def _init_training_state(self, *arguments: Any, **more: Any) -> tuple[int, int]:
        found: tuple[int, int] = super()._init_training_state(*arguments, **more)  # type: ignore[misc]
        self.order.first = found[0]  # the epoch that a run goes on in
        return found


def groups(
    rows: int, prompts: int, generations: int, repeats: int, seed: int, *, shuffle: bool | None = True
) -> EpochOrder:
    """GRPO's order, as TRL's `RepeatSampler` has it: a step's `prompts` rows, each `generations` times, the whole
    `repeats` times. The rows that are left over once all steps of an epoch are full are left out of that epoch. Without
    `shuffle` every epoch has the rows as they stand."""
    import torch

    def order(epoch: int) -> list[int]:
        generator = torch.Generator().manual_seed(seed)
        for _ in range(epoch + 1):
            drawn = torch.randperm(rows, generator=generator).tolist() if shuffle else list(range(rows))
        steps = [drawn[at : at + prompts] for at in range(0, rows - rows % prompts, prompts)]
        return [row for step in steps for _ in range(repeats) for row in step for _ in range(generations)]

    return EpochOrder(order, rows // prompts * prompts * generations * repeats)


def by_length(lengths: list[int], batch: int, seed: int) -> EpochOrder:
    """SFT's order: rows of like length beside each other, in batches of `batch`, the batches mixed."""
    import torch
    from transformers.trainer_pt_utils import get_length_grouped_indices

    def order(epoch: int) -> list[int]:
        generator = torch.Generator().manual_seed(seed + epoch)
        return list(get_length_grouped_indices(lengths, batch, generator=generator))

    return EpochOrder(order, len(lengths))
