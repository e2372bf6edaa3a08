"""A batch of completions to rows with every component of their reward. Knows no trainer: GRPO scores what it has just
sampled, `rescore` what an earlier run kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from rlkd_data.answers.verify import Verdict, Verifier
from rlkd_train.config import COMPONENTS, GuardsSettings, RewardWeights
from rlkd_train.problems import Task
from rlkd_train.reward.accuracy import accuracy_of, job_of
from rlkd_train.reward.completions import ScoredCompletion
from rlkd_train.reward.formats import format_score, tag_count
from rlkd_train.reward.guards import COMPLETION_GUARDS, Seen, flags, phrases
from rlkd_train.reward.scorer import Completion, Structure
from rlkd_train.reward.structure import StructureReward

_KEPT = 512
"""Problems whose teachers' phrases are kept at a time."""


class Scoring:
    """Scores completions of `tasks`. `reasonings` are the teachers' traces by trace id, where they are at hand: the
    guard against copied phrases looks into them."""

    def __init__(
        self,
        structure: StructureReward,
        verifier: Verifier,
        tasks: Sequence[Task],
        weights: RewardWeights,
        guards: GuardsSettings,
        reasonings: Mapping[str, str] | None = None,
    ) -> None:
        self.structure = structure
        self._verifier, self._weights, self._guards = verifier, weights, guards
        self._tasks = {task.problem_id: task for task in tasks}
        self._reasonings = reasonings or {}
        self._phrases = lru_cache(_KEPT)(self._teacher_phrases)

    def score(
        self, texts: Sequence[str], problem_ids: Sequence[str], step: int
    ) -> tuple[list[ScoredCompletion], list[Structure]]:
        """The rows of a batch, in order, and their structure scores as they came. `step` counts from 1.

        A completion without a structure score, or whose answer could not be verified, has *no* component at all: a
        trainer can leave it out as a whole, while a partial reward would be lower than its siblings'.
        """
        tasks = [self._tasks[name] for name in problem_ids]
        completions = [Completion(t.problem_id, t.problem, text) for t, text in zip(tasks, texts, strict=True)]
        structures = self.structure.score_now(completions)
        verdicts = list(self._verifier.verify_all(map(job_of, tasks, texts)))
        rows = [
            self._row(step, task, text, structure, verdict)
            for task, text, structure, verdict in zip(tasks, texts, structures, verdicts, strict=True)
        ]
        return rows, structures

    def _row(self, step: int, task: Task, text: str, structure: Structure, verdict: Verdict) -> ScoredCompletion:
        accuracy, unverified = accuracy_of(verdict)
        unscored = structure.unscored or unverified
        seen = self._seen(task, text, structure)
        signals = flags(seen)
        parts: dict[str, float | None] = dict.fromkeys(COMPONENTS)
        if unscored is None:
            parts = {
                "structure": structure.score,
                "accuracy": accuracy,
                "format": format_score(text),
                "tag_count": tag_count(text),
                "penalty": self.penalty(signals),
            }
        return ScoredCompletion(
            step=step,
            problem_id=task.problem_id,
            problem=task.problem,
            completion=text,
            unscored=unscored,
            n_steps=len(structure.steps),
            gate_at=structure.alignment.gate_at if structure.alignment else None,
            teacher=structure.winner,
            total=None if unscored else total(parts, self._weights),
            verification=verdict.how,
            steps=structure.steps,
            verdicts=structure.verdicts,
            guards=signals,
            **parts,
        )

    def penalty(self, signals: Sequence[str]) -> float:
        """What the signals cost by the settings: 0 or less, in units of the total."""
        chosen = [getattr(self._guards, name) for name in COMPLETION_GUARDS if name in signals]
        return 0.0 - sum(float(guard.amount) for guard in chosen if guard.action == "subtract")

    def _seen(self, task: Task, text: str, structure: Structure) -> Seen:
        longest = max((len(one.steps) for one in self.structure.teachers(task.problem_id)), default=0)
        return Seen(text, task.problem, structure.steps, longest, self._phrases(task.problem_id))

    def _teacher_phrases(self, problem_id: str) -> frozenset[tuple[str, ...]]:
        texts = []
        for one in self.structure.teachers(problem_id):
            texts += [f"{step.meta_reasoning}\n{step.answer}" for step in one.steps]
            texts.append(self._reasonings.get(one.trace_id, ""))
        return phrases(self._tasks[problem_id].problem, texts)


def total(parts: Mapping[str, float | None], weights: RewardWeights) -> float:
    """The weighted sum of the components that there are, as TRL's `sum_then_normalize` takes it."""
    return sum(weights.of(name) * value for name, value in parts.items() if value is not None)
