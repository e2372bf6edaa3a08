"""GRPO with `credit: step`: TRL's trainer, with an advantage for each token in place of one for each completion.

TRL's is A = (R - mean) / (std + 1e-4) over a completion's group, R the weighted sum of its rewards. The structure's
part of it is S = w · (r - mean of r) / (std + 1e-4), with r the structure reward and w its weight. That part alone is
given to the tokens by their weights c_t (`reward.credit`), the rest to all alike:

    A_t = A + S · (c_t - 1)

The c_t have the mean 1, so the mean of A_t over a completion's tokens is A. Where S is above 0 they follow what the
steps earned, below 0 what they missed. A group of equal rewards, and a completion without one, have A_t = 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from trl.trainer.utils import nanstd

from rlkd_train.grpo.scored_once import ScoredOnce
from rlkd_train.grpo.trainer import Trainer
from rlkd_train.reward.credit import earned, lands, missed, token_weights
from rlkd_train.reward.for_trl import Rewards

_EPSILON = 1e-4
"""TRL's, in the denominator of an advantage."""
_BROKEN = "\ufffd"
"""Stands in a decoded text for a character of which a token holds a part."""


class StepCreditTrainer(Trainer):
    """`rewards` are those whose functions TRL calls. Group-wise scaling of summed rewards alone, TRL's default."""

    def __init__(self, *arguments: Any, rewards: Rewards | ScoredOnce, weight: float, **more: Any) -> None:
        super().__init__(*arguments, **more)
        if self.multi_objective_aggregation != "sum_then_normalize" or self.scale_rewards != "group":
            raise ValueError("credit: step knows sum_then_normalize and scale_rewards: group alone")
        self._scored, self._weight = rewards, weight
        self._parts: torch.Tensor | None = None

    def _calculate_rewards(self, *arguments: Any, **more: Any) -> torch.Tensor:
        """As TRL's, of all processes; the structure's part of each one's advantage is kept."""
        found: torch.Tensor = super()._calculate_rewards(*arguments, **more)
        summed = (found * self.reward_weights.to(found.device).unsqueeze(0)).nansum(dim=1)
        summed[torch.isnan(found).all(dim=1)] = torch.nan
        size = self.num_generations if self.model.training else self.num_generations_eval
        structure = found[:, self.reward_func_names.index("structure")]
        above = structure - torch.nanmean(structure.view(-1, size), dim=1).repeat_interleave(size, dim=0)
        spread = nanstd(summed.view(-1, size), dim=1).repeat_interleave(size, dim=0) if size > 1 else 0.0 * summed
        self._parts = torch.nan_to_num(self._weight * above / (spread + _EPSILON), nan=0.0)
        return found

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        ids, mask, advantages = output["completion_ids"], output["completion_mask"], output["advantages"]
        structures = self._scored.structures
        assert self._parts is not None and len(structures) == len(ids)
        first = self.accelerator.process_index * len(ids)
        widened = advantages.unsqueeze(1).repeat(1, ids.size(1))
        for row, (text, structure) in enumerate(structures):
            part = self._parts[first + row].item()
            if not part or structure.alignment is None or not structure.steps:
                continue
            kept = ids[row][mask[row].bool()].tolist()
            shares = earned(structure.alignment) if part > 0 else missed(structure.alignment)
            weights = token_weights(token_ends(kept, self._tokenizer), lands(structure.steps, text), shares)
            widened[row, : len(kept)] += part * (widened.new_tensor(weights) - 1.0)
            self._metrics["train" if self.model.training else "eval"]["credit/steepest"].append(
                max(weights, default=1.0)
            )
        output["advantages"] = widened
        return output


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
