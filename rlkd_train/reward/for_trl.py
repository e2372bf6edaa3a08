"""TRL reward callables: adapters of the scoring to TRL 1.16's signature, and what ends a run.

All components of a batch are computed once, when TRL calls the first of the functions. A completion without a
structure score has *no* component at all: TRL leaves a completion whose every reward is None out of its group's
baseline and gives it no advantage, while a partial None would be summed up as a lower reward than its siblings'.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rlkd_data.chat.stats import Stats
from rlkd_data.errors import RlkdError
from rlkd_data.tables import TableWriter, is_table, read_table
from rlkd_train.config import PARTS, GuardsSettings
from rlkd_train.reward.asked import text_of
from rlkd_train.reward.completions import COMPLETIONS, ScoredCompletion
from rlkd_train.reward.components import Scoring
from rlkd_train.reward.guards import COMPLETION_GUARDS, RUN_GUARDS, StepFigures, run_flags
from rlkd_train.reward.scorer import Structure
from rlkd_train.reward.structure import figures

_SAME = 1e-9


class RunStopped(RlkdError):
    """The reward says that going on makes no sense. What is finished is kept."""


class Rewards:
    """The rewards of a run. `functions()` are what TRL takes; each batch is also written to `folder`.

    Raises RunStopped where more than `max_unscored` of a step's completions have no score, or where a guard that may
    stop the run does.
    """

    def __init__(self, scoring: Scoring, folder: Path, guards: GuardsSettings, max_unscored: float) -> None:
        self._scoring, self._folder, self._guards, self._max_unscored = scoring, folder, guards, max_unscored
        self._last: tuple[tuple[Any, ...], list[ScoredCompletion]] | None = None
        self._history = read_history(folder)
        self._metrics: dict[str, float] = {}
        self._step, self._rows = 0, list[ScoredCompletion]()
        self.structures: list[tuple[str, Structure]] = []
        """The last batch's completions, in order, each with how its structure scored."""

    def functions(self) -> list[Callable[..., list[float | None]]]:
        """One callable for each part of the reward (`Scoring.parts`), named so. They need the dataset's column
        `problem_id`."""
        return [self._function(name) for name in self._scoring.parts]

    def _function(self, name: str) -> Callable[..., list[float | None]]:
        def reward(
            completions: list[Any], problem_id: list[str], trainer_state: Any, **more: Any
        ) -> list[float | None]:
            texts = [text_of(completion) for completion in completions]
            ids = more.get("completion_ids")
            asked = {"completions": completions, "problem_id": problem_id, "trainer_state": trainer_state, **more}
            rows = self.score(
                texts,
                problem_id,
                trainer_state.global_step + 1,
                tokens=[len(one) for one in ids] if ids else None,
                asked=asked,
            )
            if name == self._scoring.parts[0]:
                _log(rows, self._metrics, more)
            return [_value(one, name) for one in rows]

        reward.__name__ = name
        return reward

    def score(
        self,
        texts: Sequence[str],
        problem_ids: Sequence[str],
        step: int,
        *,
        tokens: Sequence[int] | None = None,
        asked: Mapping[str, Any] | None = None,
    ) -> list[ScoredCompletion]:
        """Every part of a batch of completions, in order."""
        identity = (step, tuple(texts), tuple(problem_ids))
        if self._last is not None and self._last[0] == identity:
            return self._last[1]
        before = self._usage()
        rows, structures = self._scoring.score(texts, problem_ids, step, tokens=tokens, asked=asked)
        unscored = (
            replace(found, score=None) if row.unscored else found for row, found in zip(rows, structures, strict=True)
        )
        self.structures = list(zip(texts, unscored, strict=True))
        with TableWriter(self._folder, COMPLETIONS) as writer:
            for row in rows:
                writer.add(row)
        if self._step != step:  # of one step there may be several batches
            self._step, self._rows = step, []
            self._history.append(step_figures(rows))
        self._rows += rows
        self._history[-1] = step_figures(self._rows)
        after = self._usage()
        signals = self._run_signals()
        self._metrics = (
            figures_of(rows, structures)
            | {name: after[name] - before.get(name, 0.0) for name in after}
            | {f"guard/{name}": float(name in signals) for name in RUN_GUARDS}
        )
        self._stop_if_needed(step, rows, signals)
        self._last = identity, rows
        return rows

    def _usage(self) -> dict[str, float]:
        return _counts(self._scoring.structure.usage()) if self._scoring.structure is not None else {}

    def _run_signals(self) -> tuple[str, ...]:
        windows = {name: getattr(self._guards, name).window for name in RUN_GUARDS}
        return tuple(name for name in RUN_GUARDS if name in run_flags(self._history, windows[name]))

    def _stop_if_needed(self, step: int, rows: Sequence[ScoredCompletion], signals: Sequence[str]) -> None:
        unscored = [row.unscored for row in rows if row.unscored is not None]
        if len(unscored) > self._max_unscored * len(rows):
            reason, count = Counter(unscored).most_common(1)[0]
            raise RunStopped(
                f"step {step}: {len(unscored)} of {len(rows)} completions could not be scored, {count} of them with "
                f"{reason!r}; max_unscored allows {self._max_unscored:.0%}. See to the GSRM and the judge: the same "
                "command goes on from the last checkpoint"
            )
        for name in COMPLETION_GUARDS:
            guard = getattr(self._guards, name)
            seen = [row.problem_id for row in rows if name in row.guards]
            if guard.action == "stop" and seen and len(seen) >= guard.share * len(rows):
                raise RunStopped(
                    f"step {step}: guard {name} sees {len(seen)} of {len(rows)} completions (first: problem "
                    f"{seen[0][:12]}); read them in {self._folder}, then change the reward, or guards.{name}.action"
                )
        for name in signals:
            guard = getattr(self._guards, name)
            if guard.action == "stop":
                raise RunStopped(
                    f"step {step}: guard {name} over the last {guard.window} steps; look at {self._folder} and the "
                    f"log, then change the reward, or guards.{name}.action"
                )


def figures_of(rows: Sequence[ScoredCompletion], structures: Sequence[Structure]) -> dict[str, float]:
    """A step's figures for the log, beside the components that TRL logs itself. `unscored` counts completions that have
    no reward, for whatever reason. Of structure there are none where nobody was asked."""
    count = max(1, len(rows))
    asked = any(one.score is not None or one.unscored is not None for one in structures)
    found = (figures(structures) if asked else {}) | {"unscored": sum(row.unscored is not None for row in rows) / count}
    flat = step_figures(rows).flat_groups
    return (
        found
        | {f"guard/{name}": sum(name in row.guards for row in rows) / count for name in COMPLETION_GUARDS}
        | ({"flat_groups": flat} if flat is not None else {})
    )


def step_figures(rows: Sequence[ScoredCompletion]) -> StepFigures:
    """What the guards over a run want to know of one step."""
    groups: dict[str, list[float]] = {}
    for row in rows:
        if row.total is not None:
            groups.setdefault(row.problem_id, []).append(row.total)
    compared = [totals for totals in groups.values() if len(totals) > 1]
    return StepFigures(
        structure=_mean([row.structure for row in rows]),
        accuracy=_mean([row.accuracy for row in rows]),
        flat_groups=_mean([float(max(totals) - min(totals) <= _SAME) for totals in compared]),
    )


def read_history(folder: Path) -> list[StepFigures]:
    """The figures of the steps that a folder holds, in order: what a run that goes on had seen before."""
    if not is_table(folder):
        return []
    columns = ["step", "problem_id", "structure", "accuracy", "total"]
    steps: dict[int, list[ScoredCompletion]] = {}
    for batch in read_table(folder, COMPLETIONS, columns):
        for found in batch.to_pylist():
            row = ScoredCompletion(
                problem="", completion="", format=None, unscored=None, n_steps=0, gate_at=None, teacher=None, **found
            )
            steps.setdefault(row.step, []).append(row)
    return [step_figures(steps[step]) for step in sorted(steps)]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _counts(usage: Mapping[str, Stats]) -> dict[str, float]:
    """What was asked of whom so far: requests, those that the store or a twin in flight answered, and tokens."""
    return {
        f"{who}/{name}": float(value)
        for who, stats in usage.items()
        for name, value in (
            ("asked", stats.asked),
            ("saved", stats.from_store + stats.merged),
            ("failed", stats.failed),
            ("tokens", stats.usage.prompt_tokens + stats.usage.completion_tokens),
        )
    }


def _value(row: ScoredCompletion, part: str) -> float | None:
    if part in PARTS:
        found: float | None = getattr(row, part)
        return found
    return next((one.value for one in row.own if one.name == part), None)


def _log(rows: Sequence[ScoredCompletion], metrics: Mapping[str, float], more: Mapping[str, Any]) -> None:
    if log_extra := more.get("log_extra"):
        log_extra("teacher", [row.teacher for row in rows])
        log_extra("unscored", [row.unscored for row in rows])
        log_extra("guards", [", ".join(row.guards) for row in rows])
    if log_metric := more.get("log_metric"):
        for name, value in metrics.items():
            log_metric(name, value)
