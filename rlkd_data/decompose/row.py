"""The row of a finished decomposition: what was found about it, and why it is rejected, if it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from rlkd_data.decompose.judge import ALWAYS, Judged
from rlkd_data.decompose.talk import Talk
from rlkd_data.schema import Decomposition
from rlkd_data.structure.kinds import kinds, share_abandoned


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
        server=" ".join(talk.servers) or None,
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
        kinds=kinds(judged.steps),
        abandoned=share_abandoned(judged.steps),
    )
    return row, reason, detail
