"""`rlkd-data decompose`: each trace to steps of meta-reasoning, sub-problem and answer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from rlkd_data.chat.money.bill import Bill
from rlkd_data.chat.money.estimate import SAMPLE
from rlkd_data.chat.types import Failed, Message, Rejected, Reply, Request
from rlkd_data.config import DecomposeSettings
from rlkd_data.decompose.judge import ALWAYS, Judged, Rules
from rlkd_data.decompose.judges import open_judges
from rlkd_data.decompose.talk import Talk, Turn
from rlkd_data.decompose.window import longest_piece, window
from rlkd_data.errors import InputError, ModelError
from rlkd_data.prompts import GSRM, decompose_messages, decompose_prefix, decompose_prompt_id, gsrm_messages, prompt_id
from rlkd_data.run.progress import Tally, tally
from rlkd_data.run.resources import BUNDLED
from rlkd_data.run.stage import StageResult
from rlkd_data.schema import DECOMPOSITIONS, TRACES, Decomposition, Domain, Sampling, Trace
from rlkd_data.structure.as_json import SCHEMA_JSON
from rlkd_data.structure.chunk import Piece, cut
from rlkd_data.tables import TableWriter, done_keys, is_table, outcome_counts, read_rows, read_table


def decompose(settings: DecomposeSettings, out: Path) -> StageResult:
    """Fill `out` with decompositions of every trace. Goes on where an earlier run was stopped. Raises InputError where
    there are no traces, ModelError where the annotator failed to answer."""
    if settings.from_reference is not None:
        from rlkd_data.decompose.reference import import_reference

        if settings.traces:
            raise InputError("give either folders of traces or a file to import (from_reference), not both")
        import_reference(settings, settings.from_reference, out)
    elif not settings.traces:
        raise InputError("nothing to decompose: name at least one folder of traces")
    elif settings.annotator is None:
        raise InputError("no annotator: name the model that decomposes, for example --annotator local:gsrm-smollm2")
    else:
        if settings.agreement is not None and SAMPLE.get() is not None:
            from rlkd_data.measure.agreement import estimate

            estimate(settings, settings.annotator, out)
        bill = asyncio.run(Decomposer(settings, settings.annotator).run(out, home=out))
        told = figures(out)
        if settings.agreement is not None:
            from rlkd_data.measure.agreement import measure

            agreement, bill = measure(settings, settings.annotator, out)
            told |= agreement
        return StageResult(outcome_counts(out, DECOMPOSITIONS), told | bill.figures(), bill.cost_usd)
    return StageResult(outcome_counts(out, DECOMPOSITIONS), figures(out))


def is_gsrm(model: str) -> bool:
    """Whether a model has learned to decompose: one of those shipped, or a folder that says so (`gsrm.json`)."""
    backend, _, name = model.partition(":")
    if backend != "local":
        return False
    return name in BUNDLED or any((Path(name) / place).is_file() for place in ("gsrm.json", "model/gsrm.json"))


def rules(settings: DecomposeSettings) -> Rules:
    return Rules(settings.format, frozenset(settings.reject), settings.least_coverage, settings.longest_gap)


class Decomposer:
    """One run of the stage: who is asked, and how. `only`: the ids of the traces to take; None takes all."""

    def __init__(self, settings: DecomposeSettings, annotator: str, only: frozenset[str] | None = None) -> None:
        self.settings, self.annotator, self._only = settings, annotator, only
        self.zero_shot = settings.prompt == "zero-shot" or (settings.prompt is None and is_gsrm(annotator))
        if self.zero_shot and settings.format == "json":
            raise InputError("the zero-shot prompt has no JSON variant: take prompt few-shot, or format tagged")
        # A GSRM has learned to answer one question: it knows nothing of a second turn.
        self.repairs = settings.repairs if settings.repairs is not None else 0 if self.zero_shot else 1
        self.continuations = (
            settings.continuations if settings.continuations is not None else 0 if self.zero_shot else 3
        )
        self.sampling = Sampling(**settings.sampling.model_dump())
        self.tokens = window(settings)
        self.follow_ups: deque[tuple[tuple[Talk, Turn], Request]] = deque()
        self.failures: list[Failed] = []

    async def run(self, out: Path, *, home: Path) -> Bill:
        """Fill the table in `out`; `home` is the stage's folder, which the requests are billed to."""
        from rlkd_data.chat.open import open_either

        settings = self.settings
        fresh = self._fresh(out)
        with TableWriter(out, DECOMPOSITIONS) as writer, tally("decompose", None) as progress:
            async with (
                open_either(self.annotator, settings, home) as client,
                open_judges(rules(settings), settings.verify_workers, settings.verify_timeout) as judges,
            ):
                progress.follow(client.pulse)
                asked = True
                while asked:
                    asked = False
                    # Ends where nothing is left to ask *now*, so that what is asked next may depend on these answers
                    # however the client gathers its requests.
                    async for (talk, turn), answer in client.ask_all(self._requests(fresh)):
                        asked = True
                        if isinstance(answer, Failed) and not isinstance(answer, Rejected):
                            self._fail(talk, answer, progress)
                            continue
                        cost = client.cost(answer) if isinstance(answer, Reply) else None
                        self._later(talk, talk.take(turn, answer, cost))
                        if talk.waiting == 0 and not talk.broken:
                            for one, judged in await judges.submit(talk, talk.case()):
                                self._settle(one, judged, writer, progress)
                    for one, judged in await judges.rest():
                        self._settle(one, judged, writer, progress)
        if self.failures:
            raise ModelError(
                f"{len(self.failures)} requests to {self.annotator} failed, the last with: {self.failures[-1]}; what "
                "was answered is kept, and the same command asks for the rest"
            )
        return client.bill

    def requests(self, out: Path) -> Iterator[tuple[tuple[Talk, Turn], Request]]:
        """What would be asked first about the traces that the table in `out` does not hold yet."""
        return self._requests(self._fresh(out))

    def _fresh(self, out: Path) -> Iterator[Talk]:
        """A conversation for each trace that the table does not hold yet."""
        seen = set(done_keys(out, DECOMPOSITIONS))
        for trace in traces_of(self.settings):
            if self._only is not None and trace.trace_id not in self._only:
                continue
            prompt = self._prompt_id(self._domain(trace))
            key = (trace.trace_id, self.annotator, prompt)
            if key not in seen:
                seen.add(key)
                schema = SCHEMA_JSON if self.settings.format == "json" else None
                yield Talk(
                    trace,
                    prompt,
                    self._ask,
                    self.sampling,
                    schema,
                    self.continuations,
                    self.settings.overlap,
                    static=len(self._prefix(self._domain(trace))),
                )

    def _requests(self, fresh: Iterator[Talk]) -> Iterator[tuple[tuple[Talk, Turn], Request]]:
        """What is to be asked now: conversations that go on before new ones, so that few are open at a time."""
        while True:
            if self.follow_ups:
                yield self.follow_ups.popleft()
                continue
            talk = next(fresh, None)
            if talk is None:
                return
            self._later(talk, talk.open(self._pieces(talk.trace)))

    def _later(self, talk: Talk, requests: list[tuple[Turn, Request]]) -> None:
        self.follow_ups.extend(((talk, turn), request) for turn, request in requests)

    def _fail(self, talk: Talk, failure: Failed, progress: Tally) -> None:
        talk.waiting -= 1
        talk.broken = True
        self.failures.append(failure)
        progress.advance("failed")

    def _settle(self, talk: Talk, judged: Judged, writer: TableWriter, progress: Tally) -> None:
        """Write the row, or ask again."""
        if judged.failures and talk.failed is None and talk.repairs < self.repairs:
            again = talk.repair(judged.failures)
            if again:
                self._later(talk, again)
                return
        row, reason, detail = outcome(talk, judged, self.annotator)
        if reason is None:
            writer.add(row)
        else:
            writer.reject(row, reason, detail)
        progress.advance("ok" if reason is None else f"rejected:{reason}")

    def _domain(self, trace: Trace) -> Domain:
        return trace.domain if self.settings.domain == "auto" else self.settings.domain

    def _prompt_id(self, domain: Domain) -> str:
        return prompt_id(*GSRM) if self.zero_shot else decompose_prompt_id(domain, self.settings.format)

    def _ask(self, trace: Trace, piece: Piece) -> tuple[Message, ...]:
        text = trace.reasoning[piece.start : piece.end]
        if self.zero_shot:
            return gsrm_messages(trace.problem, text)
        whole = len(text) == len(trace.reasoning)
        part = None if whole else (piece.start + 1, piece.end, len(trace.reasoning))
        return decompose_messages(trace.problem, text, self._domain(trace), self.settings.format, part)

    def _prefix(self, domain: Domain) -> tuple[Message, ...]:
        """The messages that all traces of a domain are asked with first."""
        return () if self.zero_shot else decompose_prefix(domain, self.settings.format)

    def _pieces(self, trace: Trace) -> tuple[Piece, ...]:
        if self.tokens is None:
            return cut(trace.reasoning, max(len(trace.reasoning), 1))
        prefix = self._prefix(self._domain(trace))
        prompt = len(trace.problem) + 300 + sum(len(message.content) for message in prefix)
        longest = longest_piece(self.tokens, prompt, self.sampling.max_tokens)
        return cut(trace.reasoning, longest, min(self.settings.overlap, longest // 4))


def outcome(talk: Talk, judged: Judged, annotator: str) -> tuple[Decomposition, str | None, str | None]:
    """The row of a finished conversation, and why it is rejected, if it is: (row, reason, detail)."""
    if talk.failed is not None:
        failed = talk.failed
        judged = Judged(issues=(failed.reason,), failures=((failed.reason, None, str(failed)),))
    trace = talk.trace
    row = Decomposition(
        trace_id=trace.trace_id,
        problem_id=trace.problem_id,
        problem=trace.problem,
        domain=trace.domain,
        answer=trace.answer,
        annotator=annotator,
        prompt_id=talk.prompt_id,
        steps=(),
        final_answer=None,
        status="rejected",
        issues=(),
        raw=talk.raw(),
        usage=talk.usage,
        cost_usd=talk.cost_usd if talk.usage is not None else None,
        created_at=talk.created_at or datetime.now(UTC),
        turns=talk.asked,
        repairs=talk.repairs,
        pieces=len(talk.turns),
    )
    return judged_row(row, judged)


def judged_row(row: Decomposition, judged: Judged) -> tuple[Decomposition, str | None, str | None]:
    """A row with what was found about it, and why it is rejected, if it is: (row, reason, detail)."""
    reason = detail = None
    if judged.failures:
        cut_off = [one for one in judged.failures if one[0] in ALWAYS]
        reason, at, detail = (cut_off or judged.failures)[0]
        if at is not None and row.pieces and row.pieces > 1:
            detail = f"piece {at + 1} of {row.pieces}: {detail or reason}"
    row = replace(
        row,
        steps=judged.steps,
        final_answer=judged.final_answer,
        status="ok" if reason is None else "rejected",
        issues=judged.issues,
        coverage=judged.coverage,
        ordered=judged.ordered,
    )
    return row, reason, detail


def traces_of(settings: DecomposeSettings) -> Iterator[Trace]:
    """The traces to decompose, up to the limit."""
    return islice((trace for folder in settings.traces for trace in read_rows(folder, TRACES)), settings.limit)


def figures(out: Path) -> dict[str, Any]:
    """Of the usable rows: mean steps, the share of steps whose place in the trace was found, and mean coverage."""
    rows = steps = grounded = 0
    covered: list[float] = []
    if is_table(out):
        for batch in read_table(out, DECOMPOSITIONS, ["steps", "coverage"]):
            covered.extend(share for share in batch.column("coverage").to_pylist() if share is not None)
            for row in batch.column("steps").to_pylist():
                rows += 1
                steps += len(row)
                grounded += sum(step["span_start"] is not None for step in row)
    if not rows or not steps:
        return {}
    found: dict[str, Any] = {"steps_mean": steps / rows, "grounded": grounded / steps}
    return found | ({"coverage_mean": sum(covered) / len(covered)} if covered else {})
