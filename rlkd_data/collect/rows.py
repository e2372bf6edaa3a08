"""Rows of the traces table, from a source's records and from a teacher's replies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from rlkd_data.answers.final import answer_of_reply
from rlkd_data.chat.types import Rejected, Reply
from rlkd_data.collect.adapters.base import UNREADABLE_GOLD, Record, SourceRow, Unusable
from rlkd_data.collect.filter import Draft
from rlkd_data.collect.normalise import Parts, split_reply
from rlkd_data.collect.sources import Source
from rlkd_data.config import CollectSettings
from rlkd_data.schema import Domain, Problem, Sampling, Trace, content_hash, make_problem_id, make_trace_id

REPEATED = "repeated"
NOT_ASKED = "unknown"
"""The teacher of a row that was put to none, and of a source's that does not say."""
_FILTERED = "a filter before the model, or the model itself, gave no reply"
_SHOWN = 10_000
"""Characters kept of a record that cannot be read."""


def read_traces(settings: CollectSettings, source: Source, where: str, record: Record) -> Iterator[Draft]:
    """A record's traces, at most `settings.samples`; where none can be used, what is known of it and why."""
    try:
        rows = source.adapter.rows(record, settings.samples)
    except Unusable as problem:
        yield unusable(settings, source, where, record, problem)
        return
    for row in rows:
        trace = _source_trace(make_problem(settings, source, row), row)
        if trace.reasoning:
            yield Draft(trace)
        else:
            yield Draft(trace, "no_reasoning", f"{where}: the row holds a problem, but no reasoning about it")


def read_problem(settings: CollectSettings, source: Source, where: str, record: Record) -> Problem | Draft:
    """A record's problem, or why it has none. What is wrong with the source's own trace does not matter here."""
    try:
        return make_problem(settings, source, source.adapter.read(record))
    except Unusable as problem:
        if problem.row is not None and problem.reason != UNREADABLE_GOLD:
            return make_problem(settings, source, problem.row)
        return unusable(settings, source, where, record, problem)


def make_problem(settings: CollectSettings, source: Source, row: SourceRow) -> Problem:
    return Problem(
        problem_id=make_problem_id(row.problem),
        problem=row.problem,
        domain=settings.domain or row.domain or source.adapter.domain or "math",
        answer=row.answer,
        source=row.source or source.name,
        license=row.license or source.license,
    )


def unusable(settings: CollectSettings, source: Source, where: str, record: Record, problem: Unusable) -> Draft:
    """What is known of a record that cannot be used, named by its content."""
    text = str(dict(record))[:_SHOWN]
    identity = content_hash("unreadable", text)
    if problem.row is not None:
        known = make_problem(settings, source, problem.row)
    else:
        domain: Domain = settings.domain or source.adapter.domain or "math"
        known = Problem(identity, "", domain, None, source.name, source.license)
    trace = _trace(known, identity, NOT_ASKED, "", text, None, Sampling(), None)
    return Draft(trace, problem.reason, f"{where}: {problem}")


def repeated(trace: Trace, time: int, where: str) -> Draft:
    """A row that the source holds for the `time`th time."""
    return Draft(trace, REPEATED, f"{where}: the source holds this for the {time}. time")


def bare_trace(problem: Problem) -> Trace:
    """A problem that was not put to a teacher, as a row."""
    return _trace(problem, content_hash("unasked", problem.problem_id), NOT_ASKED, "", "", None, Sampling(), None)


def sampling_of(settings: CollectSettings, index: int) -> Sampling:
    """How the sample of this index is drawn: with a seed of its own, where there are seeds at all."""
    chosen = settings.sampling
    seed = None if chosen.seed is None else chosen.seed + index
    return Sampling(chosen.temperature, chosen.top_p, chosen.max_tokens, seed, index)


def read_reply(problem: Problem, sampling: Sampling, teacher: str, answer: Reply | Rejected) -> Draft:
    """A teacher's reply as a trace, not verified yet."""
    if isinstance(answer, Rejected):
        identity = make_trace_id(problem.problem_id, teacher, sampling.sample_index, "", "")
        return Draft(_trace(problem, identity, teacher, "", "", None, sampling, None), answer.reason, str(answer))
    parts = split_reply(answer.text, answer.reasoning)
    identity = make_trace_id(problem.problem_id, teacher, sampling.sample_index, parts.reasoning, parts.response)
    said = answer_of_reply(parts.response, parts.reasoning)
    trace = _trace(problem, identity, teacher, parts.reasoning, parts.response, said, sampling, answer)
    reason, detail = _fault(answer, parts)
    return Draft(trace, reason, detail)


def _fault(answer: Reply, parts: Parts) -> tuple[str | None, str | None]:
    """Why a reply is no trace: (code, detail); (None, None) for one that is."""
    faults = (
        (answer.finish_reason == "length" or parts.open_ended, "truncated", "the reply ends at the token limit"),
        (answer.finish_reason == "refusal", "refused", answer.text[:300] or _FILTERED),
        (answer.finish_reason == "other", "unfinished", "the server does not say that the reply has ended"),
        (parts.redacted, "redacted", "the provider gave the reasoning in cipher alone"),
        (not parts.reasoning, "no_reasoning", "the reply holds no reasoning"),
        (not parts.response, "no_response", "the reply holds a thought and no response to it"),
        (parts.marked, "thought_marks", "marks of a thought are left, so reasoning and response cannot be told apart"),
    )
    return next(((code, detail) for found, code, detail in faults if found), (None, None))


def _source_trace(problem: Problem, row: SourceRow) -> Trace:
    teacher, reasoning, response = row.teacher or NOT_ASKED, row.reasoning or "", row.response or ""
    identity = make_trace_id(problem.problem_id, teacher, row.sample_index, reasoning, response)
    sampling = Sampling(sample_index=row.sample_index)
    return _trace(problem, identity, teacher, reasoning, response, row.final_answer, sampling, None, row.pass_rate)


def _trace(
    problem: Problem,
    identity: str,
    teacher: str,
    reasoning: str,
    response: str,
    said: str | None,
    sampling: Sampling,
    reply: Reply | None,
    pass_rate: float | None = None,
) -> Trace:
    return Trace(
        trace_id=identity,
        problem_id=problem.problem_id,
        problem=problem.problem,
        domain=problem.domain,
        answer=problem.answer,
        reasoning=reasoning,
        response=response,
        final_answer=said,
        is_correct=None,
        verification="null: not verified",
        teacher=teacher,
        source=problem.source,
        license=problem.license,
        sampling=sampling,
        finish_reason=reply.finish_reason if reply else None,
        usage=reply.usage if reply else None,
        cost_usd=None,
        created_at=reply.created_at if reply else datetime.now(UTC),
        pass_rate=pass_rate,
        server=reply.server if reply else None,
    )
