"""Dynamic sampling (DAPO, arXiv 2503.14476, section 3.2): a group whose completions all score alike has no advantage
and teaches nothing, so that other problems are drawn in its place.

Which ones follows from the run's seed, its step and the draw alone, so that a run that goes on from a checkpoint draws
the same; the epoch's own order is left as it is. What was drawn in vain stands in the table of completions too.
"""

from __future__ import annotations

import random
from typing import Any

import torch

from rlkd_train.grpo.trainer import Trainer

_SAME = 1e-6
_LEFT = ("prompt_ids", "prompt_mask")
"""Padded on the left; all else that has a place for each token is padded on the right."""


class DynamicSampling(Trainer):
    """`draws` are how often at most, in a step. Advantages have to depend on their own group alone (`scale_rewards`:
    group or none; `multi_objective_aggregation`: sum_then_normalize)."""

    def __init__(self, *arguments: Any, draws: int, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._draws = draws
        self._flat: list[bool] = []

    def _calculate_rewards(self, *arguments: Any, **more: Any) -> torch.Tensor:
        """As TRL's, of all processes; which groups are flat is kept."""
        found: torch.Tensor = super()._calculate_rewards(*arguments, **more)
        self._flat = flat_groups(found, self.reward_weights.to(found.device), self.num_generations)
        return found

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        if not self.model.training:
            return output
        size, first = self.num_generations, self.accelerator.process_index * len(inputs)
        every = range(len(self._flat))
        alone = self.accelerator.num_processes == 1
        here = {row["problem_id"] for row in inputs} if alone else set()
        flat = [group for group in every if self._flat[group]]
        again = 0
        for draw in range(self._draws if flat else 0):
            # Several processes draw as many as before: their groups may lie across them.
            slots = flat if alone else list(every)
            rows = [row for row in range(len(inputs)) if (first + row) // size in slots]
            others = self._others(here, draw, len(every))
            made = super()._generate_and_score_completions([dict(others[(first + row) // size]) for row in rows])
            again += len(flat)
            good = {slot for slot, one in zip(slots, self._flat, strict=True) if not one} & set(flat)
            taken = [(row, at) for at, row in enumerate(rows) if (first + row) // size in good]
            output = put(output, made, taken, self._tokenizer.pad_token_id)
            flat = [group for group in flat if group not in good]
            if not flat:
                break
        output["num_items_in_batch"] = self.accelerator.gather(output["completion_mask"].sum()).sum()
        self._metrics["train"]["dynamic/drawn_again"].append(float(again))
        self._metrics["train"]["dynamic/left_flat"].append(float(len(flat)))
        return output

    def _others(self, here: set[str], draw: int, count: int) -> list[dict[str, Any]]:
        """`count` rows of the data set for this step and draw; while there are some, none of the problems `here`."""
        chance = random.Random(f"{self.args.seed}:{self.state.global_step}:{draw}")
        order = chance.sample(range(len(self.train_dataset)), len(self.train_dataset))
        fresh = [place for place in order if self.train_dataset[place]["problem_id"] not in here] or order
        return [self.train_dataset[fresh[number % len(fresh)]] for number in range(count)]


def flat_groups(rewards: torch.Tensor, weights: torch.Tensor, size: int) -> list[bool]:
    """For each group of `size` rows of (rows, parts), whether all that is scored in it has the same weighted sum. One
    of which fewer than two are scored is not: that is an outage, which drawing again would not mend."""
    total = (rewards * weights.unsqueeze(0)).nansum(dim=1)
    total[torch.isnan(rewards).all(dim=1)] = torch.nan
    found = []
    for group in total.view(-1, size):
        scored = group[~torch.isnan(group)]
        found.append(len(scored) > 1 and bool(scored.max() - scored.min() <= _SAME))
    return found


def put(into: dict[str, Any], made: dict[str, Any], taken: list[tuple[int, int]], pad: int) -> dict[str, Any]:
    """The batch `into` with rows of another in the place of its own: pairs of a row there and one of `made`. Both are
    padded to the longer one's length, ids with `pad`."""
    if not taken:
        return into
    old, new = (list(one) for one in zip(*taken, strict=True))
    found = dict(into)
    for name, value in into.items():
        other = made.get(name)
        if not isinstance(value, torch.Tensor) or value.dim() == 0 or other is None:
            continue
        both = [value, other]
        if value.dim() > 1:
            width = max(value.size(1), other.size(1))
            filled = pad if name.endswith("_ids") else 0
            both = [_padded(one, width, name in _LEFT, filled) for one in both]
        found[name] = both[0].index_copy(0, torch.tensor(old, device=value.device), both[1][new])
    return found


def _padded(value: torch.Tensor, width: int, left: bool, filled: int) -> torch.Tensor:
    missing = width - value.size(1)
    return torch.nn.functional.pad(value, (missing, 0) if left else (0, missing), value=filled)
