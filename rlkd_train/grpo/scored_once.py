"""The rewards of a run in several processes: the main one scores the completions of all.

So a run has one GSRM, one judge and one client, which asks equal questions once and keeps to one rate; one writer of
the completions' table; and guards and `max_unscored` that see whole steps and whole groups (a group may span
processes). The others wait meanwhile. What the main process says of a batch, a stop too, all of them hear.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rlkd_data.errors import RlkdError
from rlkd_train.launch.ranks import from_all, from_main, is_main, rank
from rlkd_train.reward.for_trl import Rewards
from rlkd_train.reward.scorer import Structure

_NOT_COLUMNS = ("trainer_state", "log_extra", "log_metric")


class Stopped(RlkdError):
    """What the main process was stopped by, in another one."""

    def __init__(self, said: str, exit_code: int) -> None:
        super().__init__(said)
        self.exit_code = exit_code


@dataclass
class _Batch:
    """What the main process found: each reward of each completion, in the order of all processes'."""

    values: list[list[float | None]] = field(default_factory=list)
    metrics: list[tuple[str, float]] = field(default_factory=list)
    extras: list[tuple[str, list[Any]]] = field(default_factory=list)
    structures: list[tuple[str, Structure]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    stopped: tuple[str, int] | None = None


class ScoredOnce:
    """As `reward.for_trl.Rewards` in what a trainer uses of it. `rewards` is the main process' own, None in others."""

    def __init__(self, rewards: Rewards | None) -> None:
        self._rewards = rewards
        self._own = rewards.functions() if rewards is not None else []
        self._batch = _Batch()
        self.structures: list[tuple[str, Structure]] = []
        """Those of this process' completions of the last batch."""

    def functions(self) -> list[Callable[..., list[float | None]]]:
        """One callable for each of the main process', by its name. TRL calls them in one order in all processes."""
        names = from_main([function.__name__ for function in self._own])
        return [self._function(number, name) for number, name in enumerate(names)]

    def _function(self, number: int, name: str) -> Callable[..., list[float | None]]:
        def reward(**given: Any) -> list[float | None]:
            if number == 0:
                self._score(given)
            return self._mine(self._batch.values[number])

        reward.__name__ = name
        return reward

    def _score(self, given: Mapping[str, Any]) -> None:
        columns = {key: value for key, value in given.items() if key not in _NOT_COLUMNS}
        everyones = from_all(columns)
        problem: RlkdError | None = None
        found = _Batch()
        if is_main():
            try:
                found = self._found(everyones, given.get("trainer_state"))
            except RlkdError as raised:
                problem = raised
                found = _Batch(stopped=(str(raised), raised.exit_code))
        self._batch = from_main(found)
        if problem is not None:
            raise problem
        if self._batch.stopped is not None:
            raise Stopped(*self._batch.stopped)
        self.structures = self._mine(self._batch.structures)
        if is_main() and (log_metric := given.get("log_metric")):  # TRL takes the mean over processes that log it
            for name, value in self._batch.metrics:
                log_metric(name, value)
        if log_extra := given.get("log_extra"):
            for name, values in self._batch.extras:
                log_extra(name, self._mine(values))

    def _found(self, everyones: list[dict[str, Any]], state: Any) -> _Batch:
        together = {key: [one for columns in everyones for one in columns[key]] for key in everyones[0]}
        found = _Batch(sizes=[len(columns["completions"]) for columns in everyones])
        for function in self._own:
            values = function(
                **together,
                trainer_state=state,
                log_metric=lambda name, value: found.metrics.append((name, value)),
                log_extra=lambda name, values: found.extras.append((name, values)),
            )
            if inspect.iscoroutine(values):
                values = asyncio.run(values)
            found.values.append(values)
        assert self._rewards is not None
        found.structures = list(self._rewards.structures)
        return found

    def _mine(self, everyones: list[Any]) -> list[Any]:
        first = sum(self._batch.sizes[: rank()])
        return everyones[first : first + self._batch.sizes[rank()]]
