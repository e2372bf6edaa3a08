"""The structure reward for any trainer: completions in, scores with reasons out.

With plain TRL (a dataset with the columns `prompt` and `problem_id`):

    from rlkd_train.reward.structure import StructureReward

    with StructureReward.open(["runs/gsm8k/steps"], gsrm="local:gsrm-smollm2") as reward:
        GRPOTrainer(model, reward_funcs=reward.alongside(my_accuracy), train_dataset=problems).train()

With anything else, from any event loop or none:

    scores = await reward.score([Completion(problem_id, problem, text), …])    # or reward.score_now(…)
    scores[0].score       # None where it could not be computed …
    scores[0].unscored    # … and this says why: leave such a completion out, do not give it a 0
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rlkd_data.chat.client import Client
from rlkd_data.chat.stats import Stats
from rlkd_data.schema import Decomposition
from rlkd_train.annotators import check as check_annotators
from rlkd_train.config import StructureSettings
from rlkd_train.problems import load_teachers
from rlkd_train.reward.asked import text_of
from rlkd_train.reward.event_loop import EventLoop
from rlkd_train.reward.scorer import Completion, Structure, StructureScorer

RewardFunction = Callable[..., list[float | None]]


class StructureReward:
    """Scores completions by how far the structure of their reasoning aligns with a teacher's (RLKD, section 3.3).

    `teachers` are the teachers' decompositions by problem id. Calls to the models run in an event loop of its own, so
    that connections, merging of equal requests and rate limits last over training steps, whoever calls. Close it, or
    use it as a context manager. Raises InputError where a model cannot be opened.
    """

    __name__ = "structure"  # TRL logs a reward under its function's name

    def __init__(self, settings: StructureSettings, teachers: Mapping[str, Sequence[Decomposition]]) -> None:
        self._settings = settings
        self._problems = {name: found[0].problem for name, found in teachers.items() if found}
        self._teachers = teachers
        self._last: tuple[tuple[Any, ...], list[Structure]] | None = None
        self._loop = EventLoop()
        try:
            self._scorer, self._clients = self._loop.run(_open(settings, teachers))
        except BaseException:
            self._loop.close()
            raise

    @classmethod
    def open(cls, decompositions: Sequence[Path | str], **settings: Any) -> StructureReward:
        """From the decompositions tables of the teachers, and settings as those of `StructureSettings`. Raises
        InputError where another annotator than the GSRM made them, unless `allow_other_annotator`."""
        teachers = load_teachers([Path(folder) for folder in decompositions])
        chosen = StructureSettings.model_validate(settings)
        check_annotators(teachers, chosen.gsrm, allowed=chosen.allow_other_annotator)
        return cls(chosen, teachers)

    async def score(self, completions: Sequence[Completion]) -> list[Structure]:
        """A structure score for each completion, in order, computed all at once.

        Raises Hopeless where no request will be answered (a wrong key, an unknown model); a failure that may pass
        leaves its completion without a score, with the reason in `unscored`.
        """
        return await self._loop.join(self._scorer.score(completions))

    def score_now(self, completions: Sequence[Completion]) -> list[Structure]:
        """The same, for callers without an event loop."""
        return self._loop.run(self._scorer.score(completions))

    def score_texts(self, problem_ids: Sequence[str], texts: Sequence[str]) -> list[Structure]:
        """The same by problem id; a problem without a teacher's decomposition is unscored."""
        return self.score_now(
            [
                Completion(name, self._problems.get(name, ""), text)
                for name, text in zip(problem_ids, texts, strict=True)
            ]
        )

    def teachers(self, problem_id: str) -> Sequence[Decomposition]:
        """The references of a problem."""
        return self._teachers.get(problem_id, ())

    def usage(self) -> dict[str, Stats]:
        """What was asked so far, by who was asked: `gsrm`, and `judge` where that is a chat model."""
        return {name: client.stats for name, client in self._clients.items()}

    def __call__(self, completions: Sequence[Any], problem_id: Sequence[str], **more: Any) -> list[float | None]:
        """TRL's signature. TRL leaves a completion for which *every* function gives None out of its group's baseline,
        and gives it no advantage; beside other rewards use `alongside`."""
        structures = self._batch(completions, problem_id)
        if log_extra := more.get("log_extra"):
            log_extra("teacher", [one.winner for one in structures])
            log_extra("unscored", [one.unscored for one in structures])
        if log_metric := more.get("log_metric"):
            for name, value in figures(structures).items():
                log_metric(name, value)
        return [one.score for one in structures]

    def alongside(self, *others: RewardFunction) -> list[RewardFunction]:
        """This reward and others, for `reward_funcs`. Where this one has no score, the others have none either: TRL
        would sum a completion's other rewards up, to a lower total than its siblings'. Others must not be async."""
        return [self, *(_WhereScored(self, other) for other in others)]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles as its settings and teachers: the process that takes it opens models and connections of its own, as
        the worker of TRL's AsyncGRPO does. Headers of the settings go with it."""
        return StructureReward, (self._settings, dict(self._teachers))

    def close(self) -> None:
        """Stop what is in flight, and free the models."""
        try:
            self._loop.run(self._scorer.close())
        finally:
            self._loop.close()

    def __enter__(self) -> StructureReward:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _batch(self, completions: Sequence[Any], problem_id: Sequence[str]) -> list[Structure]:
        texts = [text_of(one) for one in completions]
        identity = (tuple(problem_id), tuple(texts))
        if self._last is None or self._last[0] != identity:
            self._last = identity, self.score_texts(problem_id, texts)
        return self._last[1]

    def scored(self, completions: Sequence[Any], problem_id: Sequence[str]) -> list[bool]:
        """Whether each completion of a batch has a score."""
        return [one.score is not None for one in self._batch(completions, problem_id)]


class _WhereScored:
    """Another reward, beside a structure reward: it has none where that has none. A class, so that it pickles."""

    def __init__(self, structure: StructureReward, other: RewardFunction) -> None:
        self._structure, self._other = structure, other
        self.__name__ = getattr(other, "__name__", type(other).__name__)

    def __call__(self, completions: Sequence[Any], problem_id: Sequence[str], **more: Any) -> list[float | None]:
        scored = self._structure.scored(completions, problem_id)
        values = self._other(completions=completions, problem_id=problem_id, **more)
        return [value if kept else None for value, kept in zip(values, scored, strict=True)]


def figures(structures: Sequence[Structure]) -> dict[str, float]:
    """A batch's figures for a log: the share without a score, mean steps of a completion, pairs that a judge was asked
    about, and those of them that the prefix gate made useless (the cost of `lookahead`)."""
    count = max(1, len(structures))
    return {
        "unscored": sum(one.score is None for one in structures) / count,
        "student_steps": sum(len(one.steps) for one in structures) / count,
        "judge_pairs": float(sum(one.asked for one in structures)),
        "judge_wasted": float(sum(one.wasted for one in structures)),
    }


async def _open(
    settings: StructureSettings, teachers: Mapping[str, Sequence[Decomposition]]
) -> tuple[StructureScorer, dict[str, Client]]:
    """The scorer that the settings describe, and the clients that it asks through."""
    from rlkd_data.chat.open import open_client
    from rlkd_data.judges.open import open_judge

    client = open_client(settings.gsrm, settings)
    try:
        judge = open_judge(settings.judge)
    except BaseException:
        await client.close()
        raise
    scorer = StructureScorer(
        client,
        judge,
        teachers,
        max_tokens=settings.max_tokens,
        normalise=settings.normalise,
        several=settings.several,
        lookahead=settings.lookahead,
        grounded=settings.grounded,
        align=settings.align,
        gate=settings.gate_asked,
        mending=settings.mending,
    )
    return scorer, {"gsrm": client} | ({"judge": judge.client} if judge.client is not None else {})
