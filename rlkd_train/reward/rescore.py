"""`rlkd-train rescore`: another reward over a GRPO run's saved completions, without generating, and how it differs.

What the GSRM and a chat judge said in the run is in the response store, so that only what is new is asked for.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby
from pathlib import Path
from typing import Any

from rlkd_data.errors import InputError
from rlkd_data.run.identity import read_stage
from rlkd_data.run.progress import tally
from rlkd_data.run.stage import StageResult
from rlkd_data.schema import Decomposition
from rlkd_data.tables import TableWriter, count_rows, is_table, read_rows
from rlkd_train.config import PARTS, GrpoSettings, RescoreSettings
from rlkd_train.evaluate.metrics import mean, rank_correlation
from rlkd_train.problems import load_reasonings, load_tasks, load_teachers
from rlkd_train.reward.accuracy import open_verifier
from rlkd_train.reward.completions import COMPLETIONS, FOLDER, ScoredCompletion
from rlkd_train.reward.components import Scoring
from rlkd_train.reward.own import OwnReward
from rlkd_train.reward.structure import StructureReward
from rlkd_train.served import scoring_apart

_COMPARED = (*PARTS, "total")
_BATCH = 512
"""Completions that are scored at a time, at most."""
_SAME = 1e-9


def given_or_the_runs(run: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a rescoring: the file's, and where it says nothing the run's own. Settings of GRPO that have no
    bearing on the reward are left out, so that the file may be that of a whole run. Raises InputError for a folder
    without completions."""
    if not is_table(run / FOLDER):
        raise InputError(f"{run} holds no {FOLDER}/ table: give the folder of a GRPO run")
    record = read_stage(run) or {}
    kept = set(RescoreSettings.model_fields)
    own = {name: value for name, value in record.get("settings", {}).items() if name in kept}
    if isinstance(own.get("structure"), dict):  # a run from before these settings was scored so
        own["structure"] = {"gate": "meta", "grounded": False} | own["structure"]
    longest = record.get("settings", {}).get("max_completion")
    if longest is not None:
        own["shaping"] = (own.get("shaping") or {}) | {"longest": (own.get("shaping") or {}).get("longest") or longest}
    asked = {name: value for name, value in values.items() if name in kept or name not in GrpoSettings.model_fields}
    asked.pop("out", None)
    found = {**own, **asked, "run": run}
    for name in ("structure", "guards", "shaping"):  # a new judge leaves the GSRM and the store as they were
        if isinstance(own.get(name), dict) and isinstance(asked.get(name), dict):
            found[name] = _over(own[name], asked[name])
    return found


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        old = below.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            # another kind of judge has another model: nothing of the old one holds for it
            merged[name] = value if old.get("kind") != value.get("kind", old.get("kind")) else _over(old, value)
        else:
            merged[name] = value
    return merged


def rescore(settings: RescoreSettings, out: Path) -> StageResult:
    """Fill `out/completions` with the new scores, and compare them with the run's. A rescoring that was stopped starts
    again; what was asked is in the store."""
    source = settings.run / FOLDER
    tasks = load_tasks(settings.traces)
    wanted = _problems(source)
    known = {task.problem_id for task in tasks}
    if missing := sorted(wanted - known):
        raise InputError(
            f"{len(missing)} problems of {source} are not in {', '.join(map(str, settings.traces))} (problem_id "
            f"{missing[0][:12]}, …): give the run's own `traces`"
        )
    teachers = {name: found for name, found in load_teachers(settings.decompositions).items() if name in wanted}
    reasonings = load_reasonings(settings.traces, teachers)
    shutil.rmtree(out / FOLDER, ignore_errors=True)
    before: list[ScoredCompletion] = []
    after: list[ScoredCompletion] = []
    own_rewards = [OwnReward(one) for one in settings.rewards]
    with (
        opened(settings, teachers, out) as structure,
        open_verifier(settings) as verifier,
        TableWriter(out / FOLDER, COMPLETIONS) as writer,
        tally("rescore", count_rows(source)) as progress,
    ):
        scoring = Scoring(
            structure,
            verifier,
            tasks,
            settings.weights,
            settings.guards,
            reasonings,
            teachers=teachers,
            shaping=settings.shaping,
            measure=settings.measure,
            own=own_rewards,
        )
        for rows in _batches(source):
            texts, names = [row.completion for row in rows], [row.problem_id for row in rows]
            scored, _ = scoring.score(texts, names, rows[0].step, tokens=[row.tokens for row in rows])
            for row in scored:
                writer.add(row)
            before += map(_figures_alone, rows)
            after += map(_figures_alone, scored)
            progress.advance(count=len(rows))
        usage = structure.usage() if structure is not None else {}
        asked = {f"{who} requests": stats.asked for who, stats in usage.items()}
        stored = {f"{who} from the store": stats.from_store for who, stats in usage.items()}
    return StageResult({"ok": len(after)}, compare(before, after) | asked | stored)


def opened(
    settings: RescoreSettings, teachers: Mapping[str, Sequence[Decomposition]], out: Path
) -> AbstractContextManager[StructureReward | None]:
    """Who scores structure; nobody without decompositions. What the run's GSRM and judge said holds where they are
    still the same. Raises InputError where structure counts all the same."""
    if settings.decompositions:
        return StructureReward(scoring_apart(settings.structure, out, like=settings.run), teachers)
    if settings.asks_structure:
        raise InputError(
            "structure counts or is measured, and the run had no decompositions: give the teachers' `decompositions`"
        )
    return nullcontext()


def compare(before: Sequence[ScoredCompletion], after: Sequence[ScoredCompletion]) -> dict[str, float | int | None]:
    """How two scorings of the same completions, in the same order, differ.

    Means and rank correlations (Spearman) are over the completions that both have scored. A group is the completions of
    one problem in one step; its winner has changed where none of those with the highest total before has it now.
    """
    found: dict[str, float | int | None] = {"completions": len(after)}
    found["unscored, before"] = sum(row.unscored is not None for row in before)
    found["unscored, now"] = sum(row.unscored is not None for row in after)
    for name in _COMPARED:
        pairs = [(getattr(a, name), getattr(b, name)) for a, b in zip(before, after, strict=True)]
        both = [(old, new) for old, new in pairs if old is not None and new is not None]
        if not both:
            continue
        old, new = zip(*both, strict=True)
        found |= {f"{name}, before": mean(old), f"{name}, now": mean(new)}
        found[f"{name}, rank correlation"] = rank_correlation(old, new)
    groups: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for a, b in zip(before, after, strict=True):
        if a.total is not None and b.total is not None:
            groups.setdefault((a.step, a.problem_id), []).append((a.total, b.total))
    compared = [totals for totals in groups.values() if len(totals) > 1]
    found["groups"] = len(compared)
    found["groups with another winner"] = sum(
        not (_winners([old for old, _ in totals]) & _winners([new for _, new in totals])) for totals in compared
    )
    return found


def _winners(totals: Sequence[float]) -> set[int]:
    return {number for number, value in enumerate(totals) if value >= max(totals) - _SAME}


def _problems(source: Path) -> set[str]:
    return {row.problem_id for row in read_rows(source, COMPLETIONS)}


def _batches(source: Path) -> Iterator[list[ScoredCompletion]]:
    for _, rows in groupby(read_rows(source, COMPLETIONS), key=lambda row: row.step):
        batch: list[ScoredCompletion] = []
        for row in rows:
            batch.append(row)
            if len(batch) == _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch


def _figures_alone(row: ScoredCompletion) -> ScoredCompletion:
    """The row without its texts: a long run's would not fit into memory."""
    return ScoredCompletion(
        step=row.step,
        problem_id=row.problem_id,
        problem="",
        completion="",
        unscored=row.unscored,
        n_steps=row.n_steps,
        gate_at=row.gate_at,
        teacher=row.teacher,
        total=row.total,
        **{name: getattr(row, name) for name in PARTS},
    )
