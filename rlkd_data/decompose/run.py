"""`rlkd-data decompose`: each trace to steps of meta-reasoning, sub-problem and answer."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from rlkd_data.chat.money.estimate import SAMPLE
from rlkd_data.config import DecomposeSettings
from rlkd_data.decompose.decomposer import Decomposer
from rlkd_data.errors import InputError
from rlkd_data.run.served import helper_apart
from rlkd_data.run.stage import StageResult
from rlkd_data.schema import DECOMPOSITIONS
from rlkd_data.tables import is_table, outcome_counts, read_table


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
        settings, who = asyncio.run(helper_apart("annotator", settings.annotator, settings, out, reuse=settings.reuse))
        assert settings.annotator is not None
        bill = asyncio.run(Decomposer(settings, settings.annotator).run(out, home=out))
        told = figures(out) | who
        if settings.agreement is not None:
            from rlkd_data.measure.agreement import measure

            agreement, bill = measure(settings, settings.annotator, out)
            told |= agreement
        return StageResult(outcome_counts(out, DECOMPOSITIONS), told | bill.figures(), bill.cost_usd)
    return StageResult(outcome_counts(out, DECOMPOSITIONS), figures(out))


def figures(out: Path) -> dict[str, Any]:
    """Of the usable rows: mean steps, the share of steps whose place in the trace was found, mean coverage, the share
    of the steps of each kind, and of those that came to nothing."""
    rows = steps = grounded = 0
    covered, coverages = 0.0, 0
    kinds: Counter[str] = Counter()
    abandoned = 0.0
    if is_table(out):
        for batch in read_table(out, DECOMPOSITIONS, ["steps", "coverage", "kinds", "abandoned"]):
            found, coverage, told, share = batch.columns
            lengths = pc.list_value_length(found)
            rows += batch.num_rows
            steps += pc.sum(lengths).as_py() or 0
            grounded += pc.count(pc.struct_field(found.flatten(), "span_start")).as_py()
            covered += pc.sum(coverage).as_py() or 0.0
            coverages += pc.count(coverage).as_py()
            kinds.update({one["values"]: one["counts"] for one in pc.value_counts(told.flatten()).to_pylist()})
            abandoned += pc.sum(pc.multiply(share, lengths)).as_py() or 0.0
    if not rows or not steps:
        return {}
    shown: dict[str, Any] = {"steps_mean": steps / rows, "grounded": grounded / steps}
    shown |= {"coverage_mean": covered / coverages} if coverages else {}
    if kinds:
        total = kinds.total()
        shown |= {"abandoned": abandoned / total, "kinds": {kind: n / total for kind, n in kinds.most_common()}}
    return shown
