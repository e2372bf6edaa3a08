"""TRL's trainer for on-policy distillation, with an order of the problems that a run which goes on continues."""

from __future__ import annotations

from typing import Any

from trl import DistillationTrainer

from rlkd_train.order import EpochOrder, InOrder, groups


class Ordered(InOrder):
    """In a later epoch it takes the problems in the order that an uninterrupted run would."""

    def _get_train_sampler(self, dataset: Any = None) -> EpochOrder:
        args, rows = self.args, self.train_dataset if dataset is None else dataset  # type: ignore[attr-defined]
        accumulate = args.gradient_accumulation_steps
        step = args.per_device_train_batch_size * args.world_size * accumulate
        self.order = groups(len(rows), step, 1, accumulate, args.seed, shuffle=args.shuffle_dataset)
        return self.order


class Trainer(Ordered, DistillationTrainer):  # type: ignore[misc]
    """DistillationTrainer, with the teacher beside the student."""
