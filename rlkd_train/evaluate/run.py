"""`rlkd-train eval`: sample a model on problems; accuracy, length, and alignment with the teacher's structure."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rlkd_data.answers.verify import Job
from rlkd_data.chat.money.bill import Bill
from rlkd_data.chat.pace.breaker import unless_fruitless
from rlkd_data.chat.types import Failed, Rejected, Reply, Request
from rlkd_data.config import ChatSettings, JudgeSettings
from rlkd_data.errors import InputError, ModelError
from rlkd_data.files import write_whole
from rlkd_data.judges.open import judge_name
from rlkd_data.publish.recipe import sampling as sampling_in_words
from rlkd_data.run.progress import tally
from rlkd_data.run.stage import StageResult
from rlkd_data.schema import Sampling, Usage
from rlkd_data.tables import TableWriter
from rlkd_train.annotators import check as check_annotators
from rlkd_train.config import EvalSettings
from rlkd_train.evaluate.asked import asked
from rlkd_train.evaluate.by_problem import lost
from rlkd_train.evaluate.card import recommended
from rlkd_train.evaluate.figures import figures, headline
from rlkd_train.evaluate.paths import paths
from rlkd_train.evaluate.samples import SAMPLES, Sample
from rlkd_train.evaluate.shapes import shape_of
from rlkd_train.evaluate.verdicts import LOST, reason_of, whole_answer, word_of
from rlkd_train.evaluate.votes import votes
from rlkd_train.evaluate.whole_table import clear_table
from rlkd_train.problems import Task, load_teachers
from rlkd_train.reward.accuracy import job_of, open_verifier
from rlkd_train.reward.formats import format_score
from rlkd_train.reward.scorer import Completion
from rlkd_train.served import evaluation_apart

_WHOLE = "null: not verified yet"
FIGURES = "figures.json"
"""All figures of an evaluation, with their intervals; `stage.json` has those that are asked for first."""


def evaluate(settings: EvalSettings, out: Path) -> StageResult:
    """Fill `out` with samples, and measure. A run that was stopped is done again from the response store, which holds
    every completion that was drawn. Raises ModelError where the model failed to answer."""
    if settings.structure is not None and not settings.decompositions:
        raise InputError("structure is to be measured, but no `decompositions` of the teacher are given")
    problems = asked(settings)
    tasks = problems.tasks
    if settings.structure is not None:  # before anything is drawn
        allowed = settings.structure.allow_other_annotator
        wanted = {task.problem_id for task in tasks}
        teachers = {name: rows for name, rows in load_teachers(settings.decompositions).items() if name in wanted}
        check_annotators(teachers, settings.structure.gsrm, allowed=allowed)
    told = dict(problems.told)
    if (advised := recommended(settings)) is not None:
        settings = settings.model_copy(update={"sampling": advised.sampling})
        told["sampling"] = f"{sampling_in_words(advised.sampling.model_dump())}, as {advised.source} says"
    settings, who = asyncio.run(evaluation_apart(settings, out))
    told |= who
    samples, bill = asyncio.run(_samples(settings, tasks, out))
    if settings.structure is not None:
        samples, more = asyncio.run(_with_structure(settings, samples, out))
        told |= more
    samples = [replace(sample, benchmark=problems.benchmark.get(sample.problem_id)) for sample in samples]
    clear_table(out)
    with TableWriter(out, SAMPLES) as writer:
        for sample in samples:
            writer.add(sample)
    if prints := sorted({one.fingerprint for one in samples if one.fingerprint is not None}):
        told["system fingerprint"] = ", ".join(prints)
    found = figures(samples) | told
    write_whole(out / FIGURES, json.dumps(found, indent=2) + "\n")
    # The bill's total of completion tokens gives way to their mean, which is what an evaluation is asked for.
    return StageResult({"ok": len(samples)}, bill.figures() | headline(found), bill.cost_usd)


async def _samples(settings: EvalSettings, tasks: Sequence[Task], out: Path) -> tuple[list[Sample], Bill]:
    """(the samples, verified; what they cost)."""
    from rlkd_data.chat.open import open_client
    from rlkd_data.prompts import student_messages

    chosen = settings.sampling

    def requests() -> Iterator[tuple[tuple[int, Sampling], Request]]:
        for number, task in enumerate(tasks):
            for index in range(settings.k):
                seed = None if chosen.seed is None else chosen.seed + index
                sampling = Sampling(chosen.temperature, chosen.top_p, chosen.max_tokens, seed, index)
                yield (number, sampling), Request(student_messages(task.problem, settings.system_prompt), sampling)

    drawn: dict[tuple[int, int], Sample] = {}
    failed = 0
    last: Failed | None = None  # one alone: its traceback holds the request, and what waited for it
    chat = ChatSettings(**{name: getattr(settings, name) for name in ChatSettings.model_fields})
    with tally(f"sample {settings.model}", len(tasks) * settings.k) as progress:
        async with open_client(settings.model, chat, out) as client:
            progress.follow(client.pulse)
            answers = client.ask_all(requests())
            async for (number, sampling), answer in unless_fruitless(answers, after=settings.breaker):
                if isinstance(answer, (Reply, Rejected)):
                    drawn[number, sampling.sample_index] = _sample(tasks[number], settings.model, sampling, answer)
                else:
                    failed, last = failed + 1, answer
                progress.advance("ok" if isinstance(answer, Reply) else answer.reason)
    if failed:
        raise ModelError(
            f"{failed} requests to {settings.model} failed, the last with: {last}; what was answered is "
            "kept, and the same command asks for the rest"
        )
    samples = [drawn[key] for key in sorted(drawn)]
    if all(lost(sample) for sample in samples):
        raise ModelError(
            f"none of {len(samples):,} completions of {settings.model} is whole, so there is nothing to measure; the "
            f"last: {samples[-1].verification.removeprefix(LOST).strip()}"
        )
    return await asyncio.to_thread(_verified, settings, samples, tasks), client.bill


def _verified(settings: EvalSettings, samples: Sequence[Sample], tasks: Sequence[Task]) -> list[Sample]:
    by_id = {task.problem_id: task for task in tasks}
    with open_verifier(settings) as verifier:
        jobs = (_job(by_id[sample.problem_id], sample) for sample in samples)
        verified = [
            replace(sample, is_correct=verdict.is_correct, verification=verdict.how)
            if sample.verification == _WHOLE
            else sample
            for sample, verdict in zip(samples, verifier.verify_all(jobs), strict=True)
        ]
        return [
            replace(sample, vote=vote, verdict=word_of(sample.is_correct), reason=reason_of(sample.verification))
            for sample, vote in zip(verified, votes(verified, tasks, verifier), strict=True)
        ]


def _job(task: Task, sample: Sample) -> Job:
    """What there is to verify of a sample. Of code it is the program, which tests judge as it stands."""
    if task.domain == "code":
        return job_of(task, sample.completion)
    return Job(task.answer, sample.final_answer, task.domain, task.problem)


def _sample(task: Task, model: str, sampling: Sampling, reply: Reply | Rejected) -> Sample:
    """A completion, not verified yet. One that is not whole is neither right nor wrong, and says why."""
    if isinstance(reply, Rejected):
        how = f"{LOST} ({reply.reason}: {reply})"
        reply = Reply("", None, "other", Usage(), model, datetime.now(UTC))
    else:
        how = _WHOLE if reply.finish_reason != "other" else f"{LOST} (unfinished)"
    text = f"<think>\n{reply.reasoning}\n</think>\n\n{reply.text}" if reply.reasoning else reply.text
    return Sample(
        problem_id=task.problem_id,
        problem=task.problem,
        answer=task.answer,
        model=model,
        sampling=reply.sent or sampling,
        completion=text,
        final_answer=whole_answer(text, truncated=reply.finish_reason == "length"),
        is_correct=None,
        verification=how,
        completion_tokens=reply.usage.completion_tokens,
        truncated=reply.finish_reason == "length",
        structure=None,
        unscored=None,
        created_at=reply.created_at,
        sample_index=sampling.sample_index,
        fingerprint=reply.fingerprint,
        format=format_score(text) if how == _WHOLE else None,
    )


async def _with_structure(
    settings: EvalSettings, samples: Sequence[Sample], out: Path
) -> tuple[list[Sample], dict[str, Any]]:
    """(the samples with their structure and their paths; what there is to tell of that)."""
    from rlkd_train.reward.structure import StructureReward

    assert settings.structure is not None
    completions = [Completion(sample.problem_id, sample.problem, sample.completion) for sample in samples]
    with StructureReward(settings.structure, load_teachers(settings.decompositions)) as reward:
        scored = await reward.score(completions)
    found = [
        replace(sample, structure=None, unscored="no whole reply")
        if lost(sample)
        else replace(sample, structure=one.score, unscored=one.unscored, **shape_of(one))
        for sample, one in zip(samples, scored, strict=True)
    ]
    if settings.k < 2:
        return found, {}
    judge = settings.paths or JudgeSettings.usual()
    steps = {
        (sample.problem_id, sample.sampling.sample_index): one.steps
        for sample, one in zip(found, scored, strict=True)
        if sample.unscored is None
    }
    ways, unjudged = await paths(judge, found, steps, out)
    walked = [replace(sample, path=ways.get((sample.problem_id, sample.sampling.sample_index))) for sample in found]
    return walked, {"judge of paths": judge_name(judge)} | ({"unjudged pairs of steps": unjudged} if unjudged else {})
