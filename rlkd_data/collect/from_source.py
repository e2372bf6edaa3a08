"""Traces that a source holds itself: read, cleaned, verified, written; taken up where an earlier run was stopped."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlkd_data.answers.verify import Job
from rlkd_data.collect.clean import Look
from rlkd_data.collect.desk import Desk, job_of_draft, verified_by
from rlkd_data.collect.filter import Draft, select
from rlkd_data.collect.passed import Keys, Log, Seen, done
from rlkd_data.collect.rows import REPEATED, read_traces, repeated
from rlkd_data.collect.sources import SHIPPED
from rlkd_data.digests import digest


@dataclass(frozen=True, slots=True)
class _Read:
    """A row of the source's record of that number; `keys` stand for its problem where that was compared."""

    record: int
    where: str
    draft: Draft
    keys: Keys | None = None

    @property
    def row(self) -> bytes:
        return digest(self.draft.trace.trace_id)


def from_source(desk: Desk) -> None:
    """Traces are verified in groups that are decided together; a group of which some rows were written before a kill is
    decided again, in the same way, and the rest of it is written."""
    written, seen, records = done(desk.out), Seen(), desk.records()
    groups: dict[int, list[bool]] = {}
    with ExitStack() as held:
        log = held.enter_context(Log(desk.out)) if _keeps_log(desk) else None
        first = 0
        if log is not None:
            first = log.pass_over(records, written, seen, desk.cleaner.duplicates)

        def jobs() -> Iterator[tuple[tuple[int, _Read], Job]]:
            for number, group in enumerate(_groups(desk, records, first, seen)):
                fresh = [not written.takes(one.row, repetition=one.draft.reason == REPEATED) for one in group]
                groups[number] = fresh
                for one in group:
                    yield (number, one), job_of_draft(one.draft if any(fresh) else _known(one.draft))

        verified = ((key, verified_by(key[1].draft, verdict)) for key, verdict in desk.verifier.verify_each(jobs()))
        for number, found in itertools.groupby(verified, key=lambda pair: pair[0][0]):
            pairs = list(found)
            fresh = groups.pop(number)
            if any(fresh):
                decided = select([draft for _, draft in pairs], desk.policy)
                desk.write(list(itertools.compress(decided, fresh)))
            if log is not None:
                for (_, one), _ in pairs:
                    log.note(one.record, one.row, one.keys)
        if log is not None:
            desk.writer.flush()
            log.forget()


def _keeps_log(desk: Desk) -> bool:
    """Whether records can be passed over by their number: of a source whose content the stage's fingerprint holds, and
    where no row needs another one's text or verdict."""
    settings = desk.settings
    fixed = settings.source in SHIPPED or Path(settings.source).expanduser().exists()
    return fixed and settings.dedupe != "near" and not desk.policy.compares


def _known(draft: Draft) -> Draft:
    """A row that is written: there is nothing to verify."""
    return replace(draft, reason=draft.reason or "written")


def _groups(desk: Desk, records: Iterator[tuple[str, Any]], first: int, seen: Seen) -> Iterator[list[_Read]]:
    """Traces that are decided together: where they are compared, those that follow one another and are of one problem,
    otherwise each alone. A row that the source holds again stands alone. `first` is the first record's number."""

    def read() -> Iterator[_Read]:
        for number, (where, record) in enumerate(records, first):
            for draft in read_traces(desk.settings, desk.source, where, record):
                times = seen.times(digest(draft.trace.trace_id))
                yield _Read(number, where, draft if times == 1 else repeated(draft.trace, times, where))

    def look(one: _Read) -> Look | None:
        draft = one.draft
        return Look(draft.trace.problem, one.where, draft.trace.teacher) if draft.reason is None else None

    def cleaned() -> Iterator[_Read]:
        for one, unclean in desk.cleaner.each(read(), look):
            keys = desk.cleaner.keys(look(one), unclean)
            draft = replace(one.draft, reason=unclean.reason, detail=unclean.detail) if unclean else one.draft
            yield replace(one, draft=draft, keys=keys)

    if not desk.policy.compares:
        yield from ([one] for one in cleaned())
    else:
        for _, group in itertools.groupby(cleaned(), key=lambda one: one.draft.trace.problem_id):
            yield list(group)
