"""The SFT loss on devices without Triton.

TRL 1.16's fused output layer scores *every* position over the whole vocabulary there (`trl/trainer/utils.py`,
`add_fused_lm_head`), though only a completion's positions have labels. Scoring those alone, in chunks that the backward
pass computes again, took a third of the time of a step on two cores (SmolLM2-135M, 49k vocabulary).
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.checkpoint import checkpoint
from trl import SFTTrainer

from rlkd_train.config import TrainSettings
from rlkd_train.order import EpochOrder, InOrder, by_length

_CHUNK = 512
"""Positions whose logits are held at a time."""
_UNLABELLED = -100
_OTHERWISE = (
    *("loss_type", "padding_free", "use_liger_kernel", "label_smoothing_factor", "router_aux_loss_coef"),
    *("torch_compile", "torch_compile_backend", "torch_compile_mode"),
)
"""Fields of TRL's settings with which the loss or its batches are others than `LabelledPositionsTrainer` knows."""


class Trainer(InOrder, SFTTrainer):  # type: ignore[misc]
    """SFTTrainer. In a later epoch it takes the rows in the order that an uninterrupted run would."""

    def _get_train_sampler(self, train_dataset: Any = None) -> EpochOrder:
        rows = self.train_dataset if train_dataset is None else train_dataset
        step = self.args.per_device_train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        self.order = by_length(list(rows["length"]), step, self.args.seed)
        return self.order


def trainer_class(settings: TrainSettings) -> type[SFTTrainer]:
    """The trainer above; on a CPU, where its loss is the one asked for, the one below; and TRL's own where examples are
    packed, which have no length of their own to be ordered by."""
    found: type[SFTTrainer] = Trainer
    if settings.trl.get("packing"):
        found = SFTTrainer
    elif not torch.cuda.is_available() and not any(settings.trl.get(name) for name in _OTHERWISE):
        found = LabelledPositionsTrainer
    return found


class LabelledPositionsTrainer(Trainer):
    """Trainer whose loss is the same number (mean cross-entropy over labelled tokens), computed on them alone. Several
    processes leave it to TRL: their gradients meet in the wrapper's own `forward`, which this way goes round."""

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        if self.accelerator.num_processes > 1:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        labels = inputs["labels"][:, 1:]
        labelled = labels != _UNLABELLED
        targets = labels[labelled]
        # accelerate wraps `forward`, which is not called here
        with self.accelerator.autocast():
            hidden = base.base_model(
                input_ids=inputs["input_ids"], attention_mask=inputs.get("attention_mask"), use_cache=False
            ).last_hidden_state
            states = hidden[:, :-1][labelled]
            head = base.get_output_embeddings()
            total = states.new_zeros((), dtype=torch.float32)
            for start in range(0, len(targets), _CHUNK):
                piece = slice(start, start + _CHUNK)
                total = total + checkpoint(_summed_loss, head, states[piece], targets[piece], use_reentrant=False)
        loss = total / (num_items_in_batch if num_items_in_batch is not None else max(1, len(targets)))
        return (loss, {"loss": loss}) if return_outputs else loss


def _summed_loss(head: Any, states: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.cross_entropy(head(states).float(), targets, reduction="sum")
