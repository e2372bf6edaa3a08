"""GRPO with `credit: step`: TRL's trainer, with an advantage for each token in place of one for each completion.

TRL's is A = (R - mean) / (std + 1e-4) over a completion's group, R the weighted sum of its rewards, in which the
structure's part is w · r / (std + 1e-4). That part alone is given to the tokens by their weights (`reward.credit`):

    A_t = A + w · r / (std + 1e-4) · (weight_t - 1)

Weights have the mean 1, so the mean of A_t over a completion's tokens is A. A completion without a structure reward
keeps its A, which is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from trl import GRPOTrainer
from trl.trainer.utils import nanstd

from rlkd_train.reward.credit import earned, lands, token_weights
from rlkd_train.reward.for_trl import Rewards
from rlkd_train.reward.scorer import Structure

_EPSILON = 1e-4
"""TRL's, in the denominator of an advantage."""
_BROKEN = "\ufffd"
"""Stands in a decoded text for a character of which a token holds a part."""


class StepCreditTrainer(GRPOTrainer):  # type: ignore[misc]
    """`rewards` are those whose functions TRL calls. Group-wise scaling of summed rewards alone, TRL's default."""

    def __init__(self, *arguments: Any, rewards: Rewards, weight: float, **more: Any) -> None:
        super().__init__(*arguments, **more)
        if self.multi_objective_aggregation != "sum_then_normalize" or self.scale_rewards != "group":
            raise ValueError("credit: step knows sum_then_normalize and scale_rewards: group alone")
        self._scored, self._weight = rewards, weight
        self._scales: torch.Tensor | None = None

    def _calculate_rewards(self, *arguments: Any, **more: Any) -> torch.Tensor:
        """As TRL's, of all processes; what divides each one's reward is kept."""
        found: torch.Tensor = super()._calculate_rewards(*arguments, **more)
        summed = (found * self.reward_weights.to(found.device).unsqueeze(0)).nansum(dim=1)
        summed[torch.isnan(found).all(dim=1)] = torch.nan
        size = self.num_generations if self.model.training else self.num_generations_eval
        spread = nanstd(summed.view(-1, size), dim=1) if size > 1 else torch.zeros_like(summed)
        self._scales = 1.0 / (spread.repeat_interleave(size, dim=0) + _EPSILON)
        return found

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        ids, mask, advantages = output["completion_ids"], output["completion_mask"], output["advantages"]
        structures = self._scored.structures
        assert self._scales is not None and len(structures) == len(ids)
        first = self.accelerator.process_index * len(ids)
        scales = torch.nan_to_num(self._scales[first : first + len(ids)])
        widened = advantages.unsqueeze(1).repeat(1, ids.size(1))
        for row, (text, structure) in enumerate(structures):
            kept = ids[row][mask[row].bool()].tolist()
            if structure.score and (weights := self._weights_of(kept, text, structure)) is not None:
                change = torch.tensor(weights, dtype=widened.dtype, device=widened.device) - 1.0
                widened[row, : len(kept)] += scales[row] * self._weight * structure.score * change
        output["advantages"] = widened
        return output

    def _weights_of(self, ids: Sequence[int], text: str, structure: Structure) -> list[float] | None:
        if structure.alignment is None or not structure.steps:
            return None
        ends = token_ends(ids, self._tokenizer)
        weights = token_weights(ends, lands(structure.steps, text), earned(structure.alignment))
        self._metrics["train" if self.model.training else "eval"]["credit/steepest"].append(max(weights, default=1.0))
        return weights


def token_ends(ids: Sequence[int], tokenizer: Any) -> list[int]:
    """For each token the character of the decoded text at which it ends; special tokens are no part of it, and one that
    holds a part of a character ends before it."""
    ends: list[int] = []
    begun = read = length = 0
    for place in range(1, len(ids) + 1):
        before = tokenizer.decode(ids[begun:read], skip_special_tokens=True)
        now = tokenizer.decode(ids[begun:place], skip_special_tokens=True)
        if not now.endswith(_BROKEN):
            length += len(now) - len(before)
            begun, read = read, place
        ends.append(length)
    return ends
