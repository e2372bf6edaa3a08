"""`rlkd-data decompose`: each trace to steps of meta-reasoning, sub-problem and answer, one request a trace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from rlkd_data.chat.bill import Bill
from rlkd_data.chat.types import Failed, Message, Rejected, Reply, Request
from rlkd_data.config import DecomposeSettings
from rlkd_data.errors import InputError, ModelError
from rlkd_data.progress import tally
from rlkd_data.prompts import GSRM, decompose_messages, decompose_prompt_id, gsrm_messages, prompt_id
from rlkd_data.resources import BUNDLED
from rlkd_data.schema import DECOMPOSITIONS, TRACES, Decomposition, Domain, Sampling, Status, Step, Trace
from rlkd_data.stage import StageResult
from rlkd_data.structure.check import REJECTING, check
from rlkd_data.structure.ground import ground
from rlkd_data.structure.parse import ParseFailure, parse
from rlkd_data.tables import TableWriter, done_keys, outcome_counts, read_rows, read_table


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a reply: the row, and why it is rejected, if it is."""

    row: Decomposition
    reason: str | None = None
    detail: str | None = None


def decompose(settings: DecomposeSettings, out: Path) -> StageResult:
    """Fill `out` with decompositions of every trace. Goes on where an earlier run was stopped. Raises InputError where
    there are no traces, ModelError where the annotator failed to answer."""
    if not settings.traces:
        raise InputError("nothing to decompose: name at least one folder of traces")
    bill = asyncio.run(_decompose(settings, out))
    return StageResult(outcome_counts(out, DECOMPOSITIONS), _figures(out) | bill.figures(), bill.cost_usd)


async def _decompose(settings: DecomposeSettings, out: Path) -> Bill:
    from rlkd_data.chat.open import open_client

    zero_shot = settings.prompt == "zero-shot" or (settings.prompt is None and is_gsrm(settings.annotator))
    done = done_keys(out, DECOMPOSITIONS)
    sampling = Sampling(**settings.sampling.model_dump())
    failures: list[Failed] = []

    def requests() -> Iterator[tuple[Trace, Request]]:
        seen = set(done)
        for trace in _traces(settings):
            domain: Domain = trace.domain if settings.domain == "auto" else settings.domain
            key = (trace.trace_id, settings.annotator, _prompt_id(zero_shot, domain))
            if key not in seen:
                seen.add(key)
                messages = _messages(zero_shot, domain, trace)
                yield trace, Request(messages, sampling, static=len(messages) - 1)

    with TableWriter(out, DECOMPOSITIONS) as writer, tally("decompose", None) as progress:
        async with open_client(settings.annotator, settings, out) as client:
            progress.follow(client.pulse)
            async for trace, answer in client.ask_all(requests()):
                if isinstance(answer, Failed) and not isinstance(answer, Rejected):
                    failures.append(answer)
                    progress.advance("failed")
                    continue
                domain = trace.domain if settings.domain == "auto" else settings.domain
                verdict = judge(trace, answer, settings.annotator, _prompt_id(zero_shot, domain))
                if isinstance(answer, Reply):
                    verdict = replace(verdict, row=replace(verdict.row, cost_usd=client.cost(answer)))
                if verdict.reason is None:
                    writer.add(verdict.row)
                else:
                    writer.reject(verdict.row, verdict.reason, verdict.detail)
                progress.advance("ok" if verdict.reason is None else f"rejected:{verdict.reason}")
    if failures:
        raise ModelError(
            f"{len(failures)} requests to {settings.annotator} failed, the last with: {failures[-1]}; what was "
            "answered is kept, and the same command asks for the rest"
        )
    return client.bill


def _traces(settings: DecomposeSettings) -> Iterator[Trace]:
    return islice((trace for folder in settings.traces for trace in read_rows(folder, TRACES)), settings.limit)


def is_gsrm(model: str) -> bool:
    """Whether a model has learned to decompose: one of those shipped, or a folder that says so (`gsrm.json`)."""
    backend, _, name = model.partition(":")
    if backend != "local":
        return False
    return name in BUNDLED or any((Path(name) / place).is_file() for place in ("gsrm.json", "model/gsrm.json"))


def _prompt_id(zero_shot: bool, domain: Domain) -> str:
    return prompt_id(*GSRM) if zero_shot else decompose_prompt_id(domain)


def _messages(zero_shot: bool, domain: Domain, trace: Trace) -> tuple[Message, ...]:
    if zero_shot:
        return gsrm_messages(trace.problem, trace.reasoning)
    return decompose_messages(trace.problem, trace.reasoning, domain)


def judge(trace: Trace, answer: Reply | Rejected, annotator: str, prompt: str) -> Verdict:
    """Parse, check and ground one reply. Pure: a better parser judges a stored reply again without a call."""
    if isinstance(answer, Rejected):
        return Verdict(_row(trace, annotator, prompt, None, issues=(answer.reason,)), answer.reason, str(answer))
    found = parse(answer.text)
    if isinstance(found, ParseFailure):
        ends = {"length": "truncated", "refusal": "refused"}
        reason: str = ends.get(answer.finish_reason, found.code)
        return Verdict(_row(trace, annotator, prompt, answer, issues=(reason,)), reason, found.detail)
    issues: tuple[str, ...] = check(found.steps, trace.problem)
    if answer.finish_reason == "length":
        issues = ("truncated", *issues)
    rejecting = next((code for code in issues if code in REJECTING or code == "truncated"), None)
    steps = ground(found.steps, trace.reasoning)
    row = _row(
        trace,
        annotator,
        prompt,
        answer,
        steps=steps,
        final_answer=found.final_answer,
        status="ok" if rejecting is None else "rejected",
        issues=(*issues, *(f"note:{note}" for note in found.notes)),
    )
    return Verdict(row, rejecting)


def _row(
    trace: Trace,
    annotator: str,
    prompt: str,
    answer: Reply | None,
    *,
    steps: tuple[Step, ...] = (),
    final_answer: str | None = None,
    status: Status = "rejected",
    issues: tuple[str, ...],
) -> Decomposition:
    return Decomposition(
        trace_id=trace.trace_id,
        problem_id=trace.problem_id,
        problem=trace.problem,
        domain=trace.domain,
        answer=trace.answer,
        annotator=annotator,
        prompt_id=prompt,
        steps=steps,
        final_answer=final_answer,
        status=status,
        issues=issues,
        raw=answer.text if answer else "",
        usage=answer.usage if answer else None,
        cost_usd=None,
        created_at=answer.created_at if answer else datetime.now(UTC),
    )


def _figures(out: Path) -> dict[str, Any]:
    """Mean steps of a decomposition, and the share of steps whose place in the trace was found."""
    rows = steps = grounded = 0
    if (out / "part-00000.parquet").exists():
        for batch in read_table(out, DECOMPOSITIONS, ["steps"]):
            for row in batch.column("steps").to_pylist():
                rows += 1
                steps += len(row)
                grounded += sum(step["span_start"] is not None for step in row)
    return {"steps_mean": steps / rows, "grounded": grounded / steps} if rows and steps else {}
