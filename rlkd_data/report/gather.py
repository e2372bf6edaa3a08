"""What a page shows, as plain values, read from folders of tables and runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from rlkd_data.errors import InputError
from rlkd_data.report.choose import Chooser
from rlkd_data.report.curves import comparisons, curves
from rlkd_data.report.evaluated import evaluations
from rlkd_data.report.folders import Folder, find
from rlkd_data.report.grouped import arms_of
from rlkd_data.report.kinds import by_answer
from rlkd_data.report.rows import trace_rows
from rlkd_data.report.runs import completion_groups, logged, samples
from rlkd_data.report.survey import Figures, survey_decompositions, survey_traces
from rlkd_data.report.trees import add_facts, branching

MOST_TRACES, MOST_TRACE_BYTES = 10_000, 24 << 20
MOST_GROUPS, MOST_GROUP_BYTES = 2_000, 8 << 20
MOST_PROBLEMS, MOST_SAMPLE_BYTES = 2_000, 8 << 20
MOST_TREES, MOST_TREE_BYTES = 500, 4 << 20
_BYTES = MOST_TRACE_BYTES + MOST_GROUP_BYTES + MOST_SAMPLE_BYTES + MOST_TREE_BYTES
_PINNED = 500
"""Traces that are on the page because a tree leads to them, at most."""
_EACH = 20
"""Rows of each reason and of each domain that a page holds at least, if there are as many."""
_LOGIN = re.compile(r"(?<=//)[^/@\s]+@")


def gather(
    paths: Sequence[Path],
    arms: Mapping[str, Sequence[Path]] | None = None,
    *,
    seeds: bool = False,
    megabytes: float | None = None,
) -> dict[str, Any]:
    """Everything for the page. `arms` are runs by their arm, one a training seed; `seeds`: those whose names differ in
    a seed at their end alone are one arm (`grouped.arms_of`). `megabytes` (of 2**20): the most that its texts may take,
    in all, each kind of them as much less as the others. Raises InputError for a folder that holds nothing of ours."""
    if megabytes is not None and not 0 < megabytes < float("inf"):
        raise InputError(f"a page of {megabytes} megabytes: give a number above 0, for example 2")
    share = 1.0 if megabytes is None else megabytes * (1 << 20) / _BYTES
    folders = find([*paths, *(run for of_arm in (arms or {}).values() for run in of_arm)])
    compared = comparisons(folder for folder in folders if folder.kind == "comparison")
    arm = arms_of(folders, arms or {}, compared, seeds=seeds)
    runs = [folder for folder in folders if folder.kind == "run"]
    groups, n_completions = completion_groups(runs, MOST_GROUPS, int(share * MOST_GROUP_BYTES))
    evaluated = arm.groups(folder for folder in folders if folder.kind == "samples" or folder.stage == "eval")
    problems, n_samples = samples(
        arm.groups(folder for folder in folders if folder.kind == "samples"),
        MOST_PROBLEMS,
        int(share * MOST_SAMPLE_BYTES),
    )
    trees, n_trees = branching(_of("branches", folders), MOST_TREES, int(share * MOST_TREE_BYTES))
    add_facts(trees, _of("traces", folders))
    traces, decompositions = Figures(), Figures()
    judged = [*(one for group in groups for one in group["completions"])]
    judged += [one for problem in problems for one in problem["samples"]]
    teachers = {one["teacher"] for one in judged if one["teacher"]}
    branched = islice((one["id"] for tree in trees for one in tree["traces"]), _PINNED)
    chooser = Chooser(MOST_TRACES, int(share * MOST_TRACE_BYTES), _EACH, pinned=teachers.union(branched))
    for path in _of("traces", folders):
        survey_traces(path, traces, chooser)
    for path in _of("decompositions", folders):
        survey_decompositions(path, decompositions, chooser)
    chosen = chooser.chosen()
    n_traces = max(figures.rows + sum(figures.reasons.values()) for figures in (traces, decompositions))
    stages = [(folder, _stage(folder)) for folder in folders if folder.kind != "comparison"]
    return {
        "stages": [told for _, told in stages],
        "evaluations": evaluations(evaluated, {id(folder): told for folder, told in stages}),
        "figures": {"traces": traces.shown(), "decompositions": decompositions.shown()},
        "runs": logged(arm.groups(runs)),
        "curves": curves(arm.groups(runs)),
        "comparisons": compared,
        "rows": (rows := trace_rows(_of("traces", folders), _of("decompositions", folders), chosen)),
        "kinds": by_answer(rows),
        "trees": trees,
        "groups": groups,
        "problems": problems,
        "held": {
            "traces": [len(chosen), n_traces if chooser.left_out else len(chosen)],
            "trees": [len(trees), n_trees],
            "completions": [sum(len(group["completions"]) for group in groups), n_completions],
            "samples": [sum(len(problem["samples"]) for problem in problems), n_samples],
        },
    }


def _of(kind: str, folders: Sequence[Folder]) -> list[Path]:
    return [folder.path for folder in folders if folder.kind == kind]


def _stage(folder: Folder) -> dict[str, Any]:
    made_by = folder.made_by
    result = made_by.get("result") or {}
    figures = _leaves(result.get("figures") or {}, ": ") if folder.stage != "report" else {}
    return {
        "name": folder.name,
        "kind": folder.kind,
        "stage": folder.stage,
        "status": made_by.get("status", ""),
        "finished_at": made_by.get("finished_at"),
        "seconds": _seconds(made_by),
        "counts": result.get("counts") or {},
        "figures": {name: value for name, value in figures.items() if isinstance(value, (int, float))},
        "notes": {name: value for name, value in figures.items() if isinstance(value, str)},
        "cost_usd": result.get("cost_usd"),
        "settings": _shown(made_by.get("settings") or {}),
        "versions": made_by.get("versions") or {},
    }


def _seconds(made_by: dict[str, Any]) -> float | None:
    """How long a stage took, from its own record; one that was interrupted counts from its last start."""
    try:
        begun, ended = (datetime.fromisoformat(made_by[name]) for name in ("started_at", "finished_at"))
    except (KeyError, TypeError, ValueError):
        return None
    return max((ended - begun).total_seconds(), 0.0)


def _leaves(values: dict[str, Any], separator: str, prefix: str = "") -> dict[str, Any]:
    """Values by name; those of a nested mapping after its own name and the separator."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        nested = isinstance(value, dict)
        found |= _leaves(value, separator, f"{prefix}{name}{separator}") if nested else {prefix + name: value}
    return found


def _shown(settings: dict[str, Any]) -> dict[str, str]:
    """Settings that say something, as texts. A login in a server's address is left out."""
    return {
        name: _LOGIN.sub("", ", ".join(map(str, value)) if isinstance(value, list) else str(value))
        for name, value in _leaves(settings, ".").items()
        if value is not None and value not in ([], "")
    }
