"""What both ways of collecting write with, and how an answer of theirs is verified."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlkd_data.answers.verify import Job, Verdict, Verifier, job_of
from rlkd_data.collect.clean import Cleaner
from rlkd_data.collect.filter import Draft, Policy
from rlkd_data.collect.sources import Source
from rlkd_data.config import CollectSettings
from rlkd_data.run.progress import Tally
from rlkd_data.tables import TableWriter


@dataclass(frozen=True, slots=True)
class Desk:
    """What both ways of collecting write with."""

    settings: CollectSettings
    source: Source
    out: Path
    writer: TableWriter
    verifier: Verifier
    progress: Tally
    cleaner: Cleaner

    @property
    def policy(self) -> Policy:
        return Policy(self.settings.keep, self.settings.min_pass_rate, self.settings.max_pass_rate)

    def write(self, drafts: Sequence[Draft]) -> None:
        for draft in drafts:
            if draft.reason is None:
                self.writer.add(draft.trace)
                self.progress.advance({True: "right", False: "wrong", None: "unverified"}[draft.trace.is_correct])
            else:
                self.writer.reject(draft.trace, draft.reason, draft.detail)
                self.progress.advance(f"rejected:{draft.reason}")

    def records(self) -> Iterator[tuple[str, Any]]:
        return itertools.islice(self.source.records, self.settings.limit)


def job_of_draft(draft: Draft) -> Job:
    """What to verify; a row that is rejected already gives the verifier nothing to do."""
    return job_of(replace(draft.trace, answer=None) if draft.reason else draft.trace)


def verified_by(draft: Draft, verdict: Verdict) -> Draft:
    if draft.reason is not None:
        return draft
    return replace(draft, trace=replace(draft.trace, is_correct=verdict.is_correct, verification=verdict.how))
