"""`rlkd-train eval`: sample a model on problems; accuracy, length, and alignment with the teacher's structure."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rlkd_data.chat.money.bill import Bill
from rlkd_data.chat.pace.breaker import unless_fruitless
from rlkd_data.chat.types import Failed, Rejected, Reply, Request
from rlkd_data.config import ChatSettings
from rlkd_data.errors import InputError, ModelError
from rlkd_data.run.progress import tally
from rlkd_data.run.stage import StageResult
from rlkd_data.schema import Sampling, Usage
from rlkd_data.tables import TableWriter
from rlkd_train.annotators import check as check_annotators
from rlkd_train.config import EvalSettings
from rlkd_train.evaluate.metrics import mean, pass_at_k, wilson
from rlkd_train.evaluate.samples import SAMPLES, Sample
from rlkd_train.evaluate.shapes import by_accuracy, shape_of
from rlkd_train.evaluate.votes import majority_right, votes
from rlkd_train.evaluate.whole_table import clear_table
from rlkd_train.problems import Task, load_tasks, load_teachers
from rlkd_train.reward.accuracy import answer_of, job_of, open_verifier
from rlkd_train.reward.scorer import Completion

_WHOLE, _LOST = "null: not verified yet", "null: no whole reply"


def evaluate(settings: EvalSettings, out: Path) -> StageResult:
    """Fill `out` with samples, and measure. A run that was stopped is done again from the response store, which holds
    every completion that was drawn. Raises ModelError where the model failed to answer."""
    if settings.structure is not None and not settings.decompositions:
        raise InputError("structure is to be measured, but no `decompositions` of the teacher are given")
    tasks = load_tasks(settings.data, settings.limit)
    if settings.structure is not None:  # before anything is drawn
        allowed = settings.structure.allow_other_annotator
        wanted = {task.problem_id for task in tasks}
        teachers = {name: rows for name, rows in load_teachers(settings.decompositions).items() if name in wanted}
        check_annotators(teachers, settings.structure.gsrm, allowed=allowed)
    if not tasks:
        raise InputError(f"no problems in {', '.join(map(str, settings.data))}")
    samples, voted, bill = asyncio.run(_samples(settings, tasks, out))
    if settings.structure is not None:
        samples = asyncio.run(_with_structure(settings, samples))
    clear_table(out)
    with TableWriter(out, SAMPLES) as writer:
        for sample in samples:
            writer.add(sample)
    # The bill's total of completion tokens gives way to their mean, which is what an evaluation is asked for.
    return StageResult({"ok": len(samples)}, bill.figures() | figures(samples, settings.k, voted), bill.cost_usd)


async def _samples(
    settings: EvalSettings, tasks: Sequence[Task], out: Path
) -> tuple[list[Sample], list[str | None], Bill]:
    """(the samples, verified; for each the answer that it votes for; what they cost)."""
    from rlkd_data.chat.open import open_client
    from rlkd_data.prompts import student_messages

    chosen = settings.sampling

    def requests() -> Iterator[tuple[tuple[int, Sampling], Request]]:
        for number, task in enumerate(tasks):
            for index in range(settings.k):
                seed = None if chosen.seed is None else chosen.seed + index
                sampling = Sampling(chosen.temperature, chosen.top_p, chosen.max_tokens, seed, index)
                yield (number, sampling), Request(student_messages(task.problem), sampling)

    drawn: dict[tuple[int, int], Sample] = {}
    failures: list[Failed] = []
    chat = ChatSettings(**{name: getattr(settings, name) for name in ChatSettings.model_fields})
    with tally(f"sample {settings.model}", len(tasks) * settings.k) as progress:
        async with open_client(settings.model, chat, out) as client:
            progress.follow(client.pulse)
            answers = client.ask_all(requests())
            async for (number, sampling), answer in unless_fruitless(answers, after=settings.breaker):
                if isinstance(answer, (Reply, Rejected)):
                    drawn[number, sampling.sample_index] = _sample(tasks[number], settings.model, sampling, answer)
                else:
                    failures.append(answer)
                progress.advance("ok" if isinstance(answer, Reply) else answer.reason)
    if failures:
        raise ModelError(
            f"{len(failures)} requests to {settings.model} failed, the last with: {failures[-1]}; what was answered is "
            "kept, and the same command asks for the rest"
        )
    samples = [drawn[key] for key in sorted(drawn)]
    if all(sample.verification.startswith(_LOST) for sample in samples):
        raise ModelError(
            f"none of {len(samples):,} completions of {settings.model} is whole, so there is nothing to measure; the "
            f"last: {samples[-1].verification.removeprefix(_LOST).strip()}"
        )
    verified, voted = await asyncio.to_thread(_verified, settings, samples, tasks)
    return verified, voted, client.bill


def _verified(
    settings: EvalSettings, samples: Sequence[Sample], tasks: Sequence[Task]
) -> tuple[list[Sample], list[str | None]]:
    by_id = {task.problem_id: task for task in tasks}
    with open_verifier(settings) as verifier:
        jobs = (job_of(by_id[sample.problem_id], sample.completion) for sample in samples)
        verified = [
            replace(sample, is_correct=verdict.is_correct, verification=verdict.how)
            if sample.verification == _WHOLE
            else sample
            for sample, verdict in zip(samples, verifier.verify_all(jobs), strict=True)
        ]
        return verified, votes(verified, tasks, verifier) if settings.k > 1 else [None] * len(verified)


def _sample(task: Task, model: str, sampling: Sampling, reply: Reply | Rejected) -> Sample:
    """A completion, not verified yet. One that is not whole is neither right nor wrong, and says why."""
    if isinstance(reply, Rejected):
        lost = f"{_LOST} ({reply.reason}: {reply})"
        reply = Reply("", None, "other", Usage(), model, datetime.now(UTC))
    else:
        lost = _WHOLE if reply.finish_reason != "other" else f"{_LOST} (unfinished)"
    text = f"<think>\n{reply.reasoning}\n</think>\n\n{reply.text}" if reply.reasoning else reply.text
    return Sample(
        problem_id=task.problem_id,
        problem=task.problem,
        answer=task.answer,
        model=model,
        sampling=reply.sent or sampling,
        completion=text,
        final_answer=answer_of(text),
        is_correct=None,
        verification=lost,
        completion_tokens=reply.usage.completion_tokens,
        truncated=reply.finish_reason == "length",
        structure=None,
        unscored=None,
        created_at=reply.created_at,
    )


async def _with_structure(settings: EvalSettings, samples: Sequence[Sample]) -> list[Sample]:
    from rlkd_train.reward.structure import StructureReward

    assert settings.structure is not None
    completions = [Completion(sample.problem_id, sample.problem, sample.completion) for sample in samples]
    with StructureReward(settings.structure, load_teachers(settings.decompositions)) as reward:
        scored = await reward.score(completions)
    return [
        replace(sample, structure=None, unscored="no whole reply")
        if sample.verification.startswith(_LOST)
        else replace(sample, structure=one.score, unscored=one.unscored, **shape_of(one))
        for sample, one in zip(samples, scored, strict=True)
    ]


def figures(samples: Sequence[Sample], k: int, voted: Sequence[str | None]) -> dict[str, Any]:
    """pass@1 with its interval, pass@k and cons@k where k > 1, length, truncation, structure, and how the right and the
    wrong ones reason (`by_accuracy`). `voted` are the answers that the samples vote for. Only verified samples count
    for accuracy; their number is given, and that of the problems of which k are verified, which pass@k is of."""
    judged = [sample for sample in samples if sample.is_correct is not None]
    right = sum(bool(sample.is_correct) for sample in judged)
    low, high = wilson(right, len(judged))
    found: dict[str, float | int | None] = {
        "problems": len({sample.problem_id for sample in samples}),
        "samples": len(samples),
        "verified": len(judged),
        "pass@1": right / len(judged) if judged else None,
        "pass@1 low": low,
        "pass@1 high": high,
    }
    if k > 1:
        groups: dict[str, list[tuple[Sample, str | None]]] = {}
        for sample, vote in zip(samples, voted, strict=True):
            if sample.is_correct is not None:
                groups.setdefault(sample.problem_id, []).append((sample, vote))
        whole = [group for group in groups.values() if len(group) >= k]
        found[f"pass@{k} problems"] = len(whole)
        found[f"pass@{k}"] = mean([pass_at_k(len(g), sum(bool(s.is_correct) for s, _ in g), k) for g in whole])
        found[f"cons@{k}"] = mean([float(majority_right(group)) for group in whole])
    scored = [sample.structure for sample in samples if sample.structure is not None]
    found |= {
        "completion tokens": mean([float(sample.completion_tokens) for sample in samples]),
        "truncated": mean([float(sample.truncated) for sample in samples]),
        "structure": mean(scored),
        "structure unscored": sum(sample.unscored is not None for sample in samples),
    }
    return {name: value for name, value in found.items() if value is not None} | by_accuracy(samples)
