"""TRL reward callables: adapters of the scorer, the verifier and the format check to TRL 1.16's signature.

All components of a batch are computed once, when TRL calls the first of the functions. A completion without a
structure score has *no* component at all: TRL leaves a completion whose every reward is None out of its group's
baseline and gives it no advantage, while a partial None would be summed up as a lower reward than its siblings'.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rlkd_data.collect.normalise import final_answer, last_boxed, split_reasoning
from rlkd_data.collect.verify import Job, Verifier
from rlkd_data.tables import TableWriter
from rlkd_train.completions import COMPLETIONS, ScoredCompletion
from rlkd_train.gsrm import Completion, Structure, StructureScorer
from rlkd_train.problems import Task

COMPONENTS = ("structure", "accuracy", "format")
_THINK = re.compile(r"\s*(?:<think>)?(?:(?!</?think>).)+</think>(?:(?!</?think>).)+", re.DOTALL)


def format_score(text: str) -> float:
    r"""Half for one closed `<think>` block with a response behind it, half for a `\boxed{}` in the response."""
    thought = _THINK.fullmatch(text) is not None
    return 0.5 * thought + 0.5 * (last_boxed(split_reasoning(text).response) is not None)


class EventLoop:
    """An event loop of its own, in a thread: a client's connections and merging live across training steps."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="reward-loop", daemon=True)
        self._thread.start()

    def run(self, coroutine: Any) -> Any:
        """Run a coroutine there, and wait for it; an interrupt here cancels it."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Rewards:
    """The rewards of a run. `functions()` are what TRL takes; each batch is also written to `folder`."""

    def __init__(
        self, scorer: StructureScorer, verifier: Verifier, tasks: Sequence[Task], loop: EventLoop, folder: Path
    ) -> None:
        self._scorer, self._verifier, self._loop = scorer, verifier, loop
        self._tasks = {task.problem_id: task for task in tasks}
        self._folder = folder
        self._last: tuple[tuple[Any, ...], list[ScoredCompletion]] | None = None

    def functions(self) -> list[Callable[..., list[float | None]]]:
        """One callable for each of COMPONENTS, named so. They need the dataset's column `problem_id`."""
        return [self._function(name) for name in COMPONENTS]

    def _function(self, name: str) -> Callable[..., list[float | None]]:
        def reward(
            completions: list[Any], problem_id: list[str], trainer_state: Any, **more: Any
        ) -> list[float | None]:
            texts = [text_of(completion) for completion in completions]
            scored = self.score(texts, problem_id, trainer_state.global_step + 1)
            if name == COMPONENTS[0]:
                _log(scored, more)
            return [getattr(one, name) for one in scored]

        reward.__name__ = name
        return reward

    def score(self, texts: Sequence[str], problem_ids: Sequence[str], step: int) -> list[ScoredCompletion]:
        """Every component of a batch of completions, in order."""
        identity = (step, tuple(texts), tuple(problem_ids))
        if self._last is not None and self._last[0] == identity:
            return self._last[1]
        tasks = [self._tasks[name] for name in problem_ids]
        completions = [Completion(t.problem_id, t.problem, text) for t, text in zip(tasks, texts, strict=True)]
        structures: list[Structure] = self._loop.run(self._scorer.score(completions))
        jobs = [Job(task.answer, answer_of(text), task.domain) for task, text in zip(tasks, texts, strict=True)]
        verdicts = list(self._verifier.verify_all(jobs))
        scored = []
        for task, text, structure, verdict in zip(tasks, texts, structures, verdicts, strict=True):
            unscored = structure.unscored
            if verdict.is_correct is None and task.answer is not None:
                unscored = unscored or f"accuracy:{verdict.how}"
            # Without a gold answer the whole group has no accuracy, which favours nobody: no reason to leave it out.
            accuracy = None if verdict.is_correct is None else float(verdict.is_correct)
            scored.append(
                ScoredCompletion(
                    step=step,
                    problem_id=task.problem_id,
                    problem=task.problem,
                    completion=text,
                    structure=None if unscored else structure.score,
                    accuracy=None if unscored else accuracy,
                    format=None if unscored else format_score(text),
                    unscored=unscored,
                    n_steps=len(structure.steps),
                    gate_at=structure.alignment.gate_at if structure.alignment else None,
                    teacher=structure.winner,
                )
            )
        with TableWriter(self._folder, COMPLETIONS) as writer:
            for row in scored:
                writer.add(row)
        self._last = identity, scored
        return scored


def answer_of(text: str) -> str | None:
    """The final answer of a completion: of its response, or where it states none there, of its reasoning."""
    parts = split_reasoning(text)
    return final_answer(parts.response) or final_answer(parts.reasoning)


def text_of(completion: Any) -> str:
    """A completion as TRL gives it, a text or a list of messages, as text."""
    return completion if isinstance(completion, str) else "".join(message["content"] for message in completion)


def _log(scored: Sequence[ScoredCompletion], more: dict[str, Any]) -> None:
    if log_extra := more.get("log_extra"):
        log_extra("teacher", [one.teacher for one in scored])
        log_extra("unscored", [one.unscored for one in scored])
    if log_metric := more.get("log_metric"):
        log_metric("unscored", sum(one.unscored is not None for one in scored) / len(scored))
        log_metric("student_steps", sum(one.n_steps for one in scored) / len(scored))
