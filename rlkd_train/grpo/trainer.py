"""TRL's GRPO trainer, with an order of the problems that a run which goes on continues."""

from __future__ import annotations

from typing import Any

from trl import GRPOTrainer

from rlkd_train.order import EpochOrder, InOrder, groups


class Trainer(InOrder, GRPOTrainer):  # type: ignore[misc]
    """GRPOTrainer. In a later epoch it takes the problems in the order that an uninterrupted run would."""

    def _get_train_sampler(self, dataset: Any = None) -> EpochOrder:
        rows = self.train_dataset if dataset is None else dataset
        self.order = groups(
            len(rows),
            self.args.generation_batch_size // self.num_generations,
            self.num_generations,
            self.num_iterations * self.args.steps_per_generation,
            self.args.seed,
            shuffle=self.shuffle_dataset,
        )
        return self.order
