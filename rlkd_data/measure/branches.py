"""`rlkd-data branches`: the decompositions of several traces of one problem to one tree of steps."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from rlkd_data.config import BranchSettings
from rlkd_data.errors import InputError
from rlkd_data.judges.open import judge_name, open_judge
from rlkd_data.judges.steps import StepJudge
from rlkd_data.records import from_record
from rlkd_data.run.progress import tally
from rlkd_data.run.served import judge_apart
from rlkd_data.run.stage import StageResult
from rlkd_data.run.together import together
from rlkd_data.schema import BRANCHES, DECOMPOSITIONS, Branch, Domain, Passage, Step
from rlkd_data.structure.branch import Node, grow
from rlkd_data.structure.kinds import abandoned, kind_of
from rlkd_data.tables import REJECTED, TableWriter, count_rows, is_table, read_table

_AT_ONCE = 256
"""Problems whose trees grow at a time; they are written together, so that a table never holds half a tree."""


@dataclass(slots=True)
class Problem:
    """What several traces of a problem did; `traces` are their steps, by trace id."""

    problem_id: str
    problem: str
    domain: Domain
    traces: dict[str, tuple[Step, ...]] = field(default_factory=dict)


def branches(settings: BranchSettings, out: Path) -> StageResult:
    """Fill `out` with the tree of every problem that two or more traces have a usable decomposition of. Goes on where
    an earlier run was stopped. Raises InputError where there is no such problem, ModelError where the judge did not
    answer."""
    folders = [folder for folder in settings.decompositions if not _all_rejected(folder)]
    traces = _traces(folders)
    several = {problem: len(ids) for problem, ids in traces.items() if len(ids) > 1}
    if not several:
        raise InputError(
            f"no problem has decompositions of two traces in {', '.join(map(str, settings.decompositions))}, so there "
            "is nothing to branch: collect with --samples 2 or more, and decompose those traces"
        )
    unjudged, cost = asyncio.run(_grow(settings, folders, several, out))
    counts = {"ok": count_rows(out), "skipped:one_trace": len(traces) - len(several)}
    told = figures(out) | {"judge": judge_name(settings.judge)} | ({"unjudged pairs": unjudged} if unjudged else {})
    return StageResult({name: count for name, count in counts.items() if count}, told, cost)


def _all_rejected(folder: Path) -> bool:
    """Whether a table has no usable row, which its rejected ones explain: no mistake, beside tables that have some."""
    return not is_table(folder) and is_table(folder / REJECTED)


def _traces(folders: Sequence[Path]) -> dict[str, set[str]]:
    """The traces of each problem, by their ids alone."""
    found: dict[str, set[str]] = {}
    for folder in folders:
        for batch in read_table(folder, DECOMPOSITIONS, ["problem_id", "trace_id"]):
            for problem, trace in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                found.setdefault(problem, set()).add(trace)
    return found


def problems(folders: Sequence[Path], several: dict[str, int], done: set[str]) -> Iterator[Problem]:
    """Each problem as soon as the decompositions of all its traces were read, so that few are held at a time. Of a
    trace that was decomposed several times, the first decomposition."""
    open_: dict[str, Problem] = {}
    left = {problem: count for problem, count in several.items() if problem not in done}
    for folder in folders:
        for batch in read_table(folder, DECOMPOSITIONS, ["problem_id", "problem", "domain", "trace_id", "steps"]):
            for row in batch.to_pylist():
                name = row["problem_id"]
                if name not in left:
                    continue
                problem = open_.setdefault(name, Problem(name, row["problem"], row["domain"]))
                steps = tuple(from_record(Step, step) for step in row["steps"])
                problem.traces.setdefault(row["trace_id"], steps)
                if len(problem.traces) == left[name]:
                    del left[name]
                    yield open_.pop(name)


async def _grow(
    settings: BranchSettings, folders: Sequence[Path], several: dict[str, int], out: Path
) -> tuple[int, float | None]:
    """Write the trees; returns how many pairs of steps no verdict came about, and what the judge cost."""
    done: set[str] = set()
    if is_table(out):
        for batch in read_table(out, BRANCHES, ["problem_id"]):
            done.update(batch.column("problem_id").to_pylist())
    judge = open_judge((await judge_apart(settings.judge, out))[0], out)
    steps = StepJudge(judge, settings.same)
    named = judge_name(settings.judge)
    try:
        with TableWriter(out, BRANCHES, rows_per_shard=1 << 40) as writer, tally("branches", len(several)) as progress:
            if done:
                progress.advance("done before", count=len(done))
            waiting = problems(folders, several, done)
            while batch := list(islice(waiting, _AT_ONCE)):
                trees = await together(tree(steps, problem) for problem in batch)
                for problem, nodes in zip(batch, trees, strict=True):
                    for row in rows(problem, nodes, named):
                        writer.add(row)
                    progress.advance("ok")
                writer.flush()
    finally:
        await judge.close()
    return steps.unjudged, judge.client.bill.cost_usd if judge.client is not None else None


async def tree(judge: StepJudge, problem: Problem) -> list[Node]:
    """The tree of one problem."""
    growing = grow(problem.traces)
    try:
        pairs = next(growing)
        while True:
            pairs = growing.send(await judge.same(pairs, problem.problem))
    except StopIteration as done:
        return list(done.value)


def rows(problem: Problem, nodes: Sequence[Node], judge: str) -> Iterator[Branch]:
    failed = {name: abandoned(steps) for name, steps in problem.traces.items()}
    places = {name: [step.index for step in steps] for name, steps in problem.traces.items()}
    children = Counter(node.parent for node in nodes)
    for node in nodes:
        came_to_nothing = [failed[name][places[name].index(index)] for name, index in node.traces]
        yield Branch(
            problem_id=problem.problem_id,
            problem=problem.problem,
            domain=problem.domain,
            node=node.node,
            parent=node.parent,
            depth=node.depth,
            meta_reasoning=node.step.meta_reasoning,
            sub_problem=node.step.sub_problem,
            answer=node.step.answer,
            traces=tuple(Passage(trace, step) for trace, step in node.traces),
            judge=judge,
            kind=kind_of(node.step),
            abandoned=sum(came_to_nothing) / len(came_to_nothing),
            children=children[node.node],
        )


def figures(out: Path) -> dict[str, Any]:
    """Of the whole table: problems and traces, how many of the traces' steps share a node with another trace's, in how
    many places the traces part (a problem's beginning included), how deep the trees are, and into how many ways they go
    on where they go on."""
    traces: set[tuple[str, str]] = set()
    children: dict[tuple[str, int | None], int] = {}
    deepest: dict[str, int] = {}
    steps = shared = 0
    for batch in read_table(out, BRANCHES, ["problem_id", "parent", "depth", "traces"]):
        for row in batch.to_pylist():
            place = (row["problem_id"], row["parent"])
            children[place] = children.get(place, 0) + 1
            traces.update((row["problem_id"], passage["trace_id"]) for passage in row["traces"])
            deepest[row["problem_id"]] = max(deepest.get(row["problem_id"], 0), row["depth"])
            steps += len(row["traces"])
            shared += len(row["traces"]) if len(row["traces"]) > 1 else 0
    return {
        "problems": len({problem for problem, _ in children}),
        "traces": len(traces),
        "steps": steps,
        "shared steps": shared / steps if steps else 0.0,
        "forks": sum(count > 1 for count in children.values()),
        "mean depth": sum(deepest.values()) / len(deepest) if deepest else 0.0,
        "mean branching": sum(children.values()) / len(children) if children else 0.0,
    }
