"""A batch of completions to rows with every component of their reward. Knows no trainer: GRPO scores what it has just
sampled, `rescore` what an earlier run kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from rlkd_data.answers.verify import Verdict, Verifier
from rlkd_data.schema import Decomposition
from rlkd_train.config import PARTS, SHAPING, GuardsSettings, RewardWeights, ShapingSettings
from rlkd_train.problems import Task
from rlkd_train.reward.accuracy import accuracy_of, job_of
from rlkd_train.reward.completions import OwnValue, ScoredCompletion
from rlkd_train.reward.formats import format_score, tag_count
from rlkd_train.reward.guards import COMPLETION_GUARDS, Seen, flags, phrases
from rlkd_train.reward.own import OwnReward, whole_groups
from rlkd_train.reward.scorer import Completion, Structure
from rlkd_train.reward.shaping import language_score, length_score, overlong_score, repetition_score
from rlkd_train.reward.structure import StructureReward

_CACHE = 5
"""The part of the longest completion over which overlong falls: DAPO's 4,096 tokens of 20,480."""
_KEPT = 512
"""Problems whose teachers' phrases are kept at a time."""


class Scoring:
    """Scores completions of `tasks`. Without `structure` nobody is asked about it. `reasonings` are the teachers'
    traces by trace id, where they are at hand, and `teachers` their decompositions: the guard against copied phrases
    looks into them. `longest` is the longest completion, in tokens; `measure` names parts that do not count."""

    def __init__(
        self,
        structure: StructureReward | None,
        verifier: Verifier,
        tasks: Sequence[Task],
        weights: RewardWeights,
        guards: GuardsSettings,
        reasonings: Mapping[str, str] | None = None,
        *,
        teachers: Mapping[str, Sequence[Decomposition]] | None = None,
        shaping: ShapingSettings | None = None,
        longest: int | None = None,
        measure: Sequence[str] = (),
        own: Sequence[OwnReward] = (),
    ) -> None:
        self.structure = structure
        self._verifier, self._weights, self._guards = verifier, weights, guards
        self._tasks = {task.problem_id: task for task in tasks}
        self._reasonings, self._teachers, self._own = reasonings or {}, teachers or {}, own
        self._shaping = shaping or ShapingSettings()
        self._longest = self._shaping.longest or longest
        self._shaped = [name for name in SHAPING if weights.of(name) > 0 or name in measure]
        left_out = {name for name in SHAPING if name not in self._shaped}
        if structure is None:
            left_out.add("structure")
        self.parts = (*(name for name in PARTS if name not in left_out), *(one.name for one in own))
        """What is computed of a completion, in order."""
        self._phrases = lru_cache(_KEPT)(self._teacher_phrases)

    def score(
        self,
        texts: Sequence[str],
        problem_ids: Sequence[str],
        step: int,
        *,
        tokens: Sequence[int | None] | None = None,
        asked: Mapping[str, Any] | None = None,
    ) -> tuple[list[ScoredCompletion], list[Structure]]:
        """The rows of a batch, in order, and their structure scores as they came. `step` counts from 1, `tokens` are
        the completions' lengths, `asked` is what a trainer gives a reward function beside the completions.

        A completion of which a part that counts could not be computed has *no* component at all: a trainer can leave it
        out as a whole, while a partial reward would be lower than its siblings'.
        """
        tasks = [self._tasks[name] for name in problem_ids]
        structures = self._structures(tasks, texts)
        verdicts = list(self._verifier.verify_all(map(job_of, tasks, texts)))
        own, missing = self._own_values(tasks, texts, asked or {})
        lengths = tokens or [None] * len(texts)
        rows = [
            self._row(step, task, text, structure, verdict, length, values, lost)
            for task, text, structure, verdict, length, values, lost in zip(
                tasks, texts, structures, verdicts, lengths, own, missing, strict=True
            )
        ]
        return rows, structures

    def _structures(self, tasks: Sequence[Task], texts: Sequence[str]) -> list[Structure]:
        if self.structure is None:
            return [Structure(None)] * len(texts)
        completions = [Completion(t.problem_id, t.problem, text) for t, text in zip(tasks, texts, strict=True)]
        return self.structure.score_now(completions)

    def _own_values(
        self, tasks: Sequence[Task], texts: Sequence[str], asked: Mapping[str, Any]
    ) -> tuple[list[tuple[OwnValue, ...]], list[str | None]]:
        """What the user's own rewards say of each completion, and the first of those that count and say nothing of it,
        though of others of its problem."""
        told = {
            "prompts": [task.problem for task in tasks],
            "completion_ids": None,
            "problem": [task.problem for task in tasks],
            "answer": [task.answer for task in tasks],
            "domain": [task.domain for task in tasks],
            "problem_id": [task.problem_id for task in tasks],
            **asked,
        }
        completions = told.pop("completions", texts)
        found: list[tuple[OwnValue, ...]] = [()] * len(texts)
        missing: list[str | None] = [None] * len(texts)
        for reward in self._own:
            values = reward.score(completions, told)
            nothing = whole_groups(values, [task.problem_id for task in tasks])
            for place, (value, whole) in enumerate(zip(values, nothing, strict=True)):
                found[place] = (*found[place], OwnValue(reward.name, value))
                if value is None and not whole and reward.weight:
                    missing[place] = missing[place] or f"{reward.name}: none"
        return found, missing

    def _row(
        self,
        step: int,
        task: Task,
        text: str,
        structure: Structure,
        verdict: Verdict,
        tokens: int | None,
        own: tuple[OwnValue, ...],
        missing: str | None,
    ) -> ScoredCompletion:
        accuracy, unverified = accuracy_of(verdict)
        unscored = (
            (structure.unscored if self._weights.of("structure") > 0 else None)
            or (unverified if self._weights.of("accuracy") > 0 or self._weights.of("length") > 0 else None)
            or missing
        )
        signals = flags(self._seen(task, text, structure))
        parts: dict[str, float | None] = dict.fromkeys(PARTS)
        if unscored is None:
            parts |= {
                "structure": structure.score,
                "accuracy": accuracy,
                "format": format_score(text),
                "tag_count": tag_count(text),
                "penalty": self.penalty(signals),
            } | self._shape(task, text, accuracy, tokens)
        row = ScoredCompletion(
            step=step,
            problem_id=task.problem_id,
            problem=task.problem,
            completion=text,
            unscored=unscored,
            n_steps=len(structure.steps),
            gate_at=structure.alignment.gate_at if structure.alignment else None,
            teacher=structure.winner,
            verification=verdict.how,
            steps=structure.steps,
            verdicts=structure.verdicts,
            guards=signals,
            tokens=tokens,
            own=own if unscored is None else (),
            **parts,
        )
        if unscored is None:
            row = replace(row, total=self._total(parts, own))
        return row

    def _shape(self, task: Task, text: str, accuracy: float | None, tokens: int | None) -> dict[str, float | None]:
        found: dict[str, float | None] = {}
        longest = self._longest
        for name in self._shaped:
            if name == "language":
                found[name] = language_score(task.problem, text)
            elif name == "repetition":
                found[name] = repetition_score(text, self._shaping.ngram)
            elif tokens is None or longest is None or (name == "length" and accuracy is None):
                found[name] = None
            elif name == "length":
                found[name] = length_score(accuracy == 1.0, tokens, longest)
            else:
                cache = self._shaping.cache or max(1, longest // _CACHE)
                found[name] = overlong_score(tokens, longest, min(cache, longest))
        return found

    def _total(self, parts: Mapping[str, float | None], own: Sequence[OwnValue]) -> float:
        added = sum(
            reward.weight * one.value for reward, one in zip(self._own, own, strict=True) if one.value is not None
        )
        return total(parts, self._weights) + added

    def penalty(self, signals: Sequence[str]) -> float:
        """What the signals cost by the settings: 0 or less, in units of the total."""
        chosen = [getattr(self._guards, name) for name in COMPLETION_GUARDS if name in signals]
        return 0.0 - sum(float(guard.amount) for guard in chosen if guard.action == "subtract")

    def _seen(self, task: Task, text: str, structure: Structure) -> Seen:
        longest = max((len(one.steps) for one in self._teachers_of(task.problem_id)), default=0)
        return Seen(text, task.problem, structure.steps, longest, self._phrases(task.problem_id))

    def _teachers_of(self, problem_id: str) -> Sequence[Decomposition]:
        if self.structure is not None:
            return self.structure.teachers(problem_id)
        return self._teachers.get(problem_id, ())

    def _teacher_phrases(self, problem_id: str) -> frozenset[tuple[str, ...]]:
        texts = []
        for one in self._teachers_of(problem_id):
            texts += [f"{step.meta_reasoning}\n{step.answer}" for step in one.steps]
            texts.append(self._reasonings.get(one.trace_id, ""))
        return phrases(self._tasks[problem_id].problem, texts)


def total(parts: Mapping[str, float | None], weights: RewardWeights) -> float:
    """The weighted sum of the components that there are, as TRL's `sum_then_normalize` takes it."""
    return sum(weights.of(name) * value for name, value in parts.items() if value is not None)
