"""`--agreement N`: how far several annotations of the same traces agree."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterator, Sequence
from itertools import chain, combinations, islice
from pathlib import Path
from typing import Any, NoReturn

from rlkd_data.chat.money.bill import Bill
from rlkd_data.chat.money.estimate import Estimate, Estimated
from rlkd_data.chat.open import open_either
from rlkd_data.config import DecomposeSettings
from rlkd_data.decompose.decomposer import Decomposer
from rlkd_data.judges.open import judge_name, open_judge
from rlkd_data.judges.steps import StepJudge
from rlkd_data.run.served import judge_apart
from rlkd_data.schema import DECOMPOSITIONS, TRACES, Decomposition, content_hash
from rlkd_data.structure.match import Overlap, step_count_agreement
from rlkd_data.tables import is_table, read_rows, read_table

PLACE = "agreement"
"""The folder inside the table's own that holds the further annotations: `agreement/2` and so on, tables like it."""
TEMPERATURE = 0.7
"""Of further annotations by the same annotator, where it is asked greedily: then another seed would change nothing."""


def measure(settings: DecomposeSettings, annotator: str, out: Path) -> tuple[dict[str, Any], Bill]:
    """Annotate a sample of the traces again, beside the table that `out` holds, and compare: (figures, the bill of it
    all). Raises what the annotator and the judge raise."""
    sample = frozenset(_sample(settings))
    tables = [out]
    for number, again in _further(settings, annotator, sample):
        tables.append(out / PLACE / str(number))
        bill = asyncio.run(again.run(tables[-1], home=out))
    other = settings.agreement_annotator or annotator
    usable = [_usable(table, sample) for table in tables]
    told = asyncio.run(_compare(settings, usable, sample, out))
    by = {"further annotator": other} if other != annotator else {}
    told = {"annotations": settings.agreement} | told | by | {"judge": judge_name(settings.agreement_judge)}
    return {f"agreement: {name}": value for name, value in told.items()}, bill


def estimate(settings: DecomposeSettings, annotator: str, out: Path) -> NoReturn:
    """Raise Estimated for the table and its further annotations together, with an estimate for each annotator."""
    asking = {annotator: [Decomposer(settings, annotator)]}
    for _, again in _further(settings, annotator, frozenset(_sample(settings))):
        asking.setdefault(again.annotator, []).append(again)
    found = [asyncio.run(_estimated(settings, name, runs, out)) for name, runs in asking.items()]
    uncounted = None
    if settings.agreement_judge.kind.startswith("llm"):
        uncounted = f"what {judge_name(settings.agreement_judge)} is asked, which depends on the steps"
    raise Estimated(*chain.from_iterable(found), uncounted=uncounted)


async def _estimated(
    settings: DecomposeSettings, annotator: str, runs: Sequence[Decomposer], out: Path
) -> tuple[Estimate, ...]:
    async with open_either(annotator, settings) as client:
        try:
            async for _ in client.ask_all(chain.from_iterable(one.requests(out) for one in runs)):
                pass
        except Estimated as done:
            return done.estimates
    return ()


def _further(settings: DecomposeSettings, annotator: str, sample: frozenset[str]) -> Iterator[tuple[int, Decomposer]]:
    """Each annotation after the table's own, with its number (from 2)."""
    other = settings.agreement_annotator or annotator
    for number in range(2, (settings.agreement or 1) + 1):
        yield number, Decomposer(_again(settings, number), other, sample)


def _sample(settings: DecomposeSettings) -> list[str]:
    """The ids of the traces to annotate again: drawn by a hash, so that every run draws the same."""
    columns = (
        batch.column("trace_id").to_pylist()
        for folder in settings.traces
        for batch in read_table(folder, TRACES, ["trace_id"])
    )
    ids = set(islice(chain.from_iterable(columns), settings.limit))
    return heapq.nsmallest(settings.agreement_sample, ids, key=lambda name: content_hash("agreement", name))


def _again(settings: DecomposeSettings, number: int) -> DecomposeSettings:
    """The settings of another annotation."""
    # Another model's first annotation is asked for as the table's own was; every other needs another seed.
    draw = number - 1 if settings.agreement_annotator is None else number - 2
    if not draw:
        return settings
    sampling = settings.sampling
    other = {"seed": (sampling.seed or 0) + draw, "temperature": sampling.temperature or TEMPERATURE}
    return settings.model_copy(update={"sampling": sampling.model_copy(update=other)})


def _usable(table: Path, sample: frozenset[str]) -> dict[str, Decomposition]:
    rows = read_rows(table, DECOMPOSITIONS) if is_table(table) else ()
    return {row.trace_id: row for row in rows if row.trace_id in sample}


async def _compare(
    settings: DecomposeSettings, usable: Sequence[dict[str, Decomposition]], sample: frozenset[str], out: Path
) -> dict[str, Any]:
    """Over traces with two usable annotations or more: the share where all have the same number of steps, and the F1 of
    matched steps over all pairs of annotations (micro)."""
    judge = open_judge((await judge_apart(settings.agreement_judge, out))[0], out)
    steps = StepJudge(judge)
    overlap, counts = Overlap(), []
    try:
        for name in sorted(sample):
            found = [rows[name] for rows in usable if name in rows]
            if len(found) < 2:
                continue
            counts.append([len(row.steps) for row in found])
            for one, other in combinations(found, 2):
                pairs = await steps.matched(one.steps, other.steps, one.problem)
                overlap += Overlap(len(one.steps), len(other.steps), len(pairs))
    finally:
        await judge.close()
    if not counts:
        return {"traces": len(sample), "traces compared": 0}
    return {
        "traces": len(sample),
        "traces compared": len(counts),
        "step counts": step_count_agreement(counts),
        "matched-step F1": overlap.f1,
    }
