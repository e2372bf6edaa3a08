"""The trees of the branches tables: those that the page holds, in the shape in which its script shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rlkd_data.report.choose import Chooser
from rlkd_data.report.rows import cut
from rlkd_data.schema import BRANCHES, TRACES
from rlkd_data.structure.as_json import PARTS as TEXTS
from rlkd_data.tables import REJECTED, is_table, read_table

Row = dict[str, Any]
_EACH = 5
"""Trees of each domain that a page holds at least, if there are as many."""
_PASSAGE = 8
"""Characters that one trace's passage through a node takes on the page."""


def branching(folders: Sequence[Path], most_trees: int, most_size: int) -> tuple[list[Row], int]:
    """The trees, a part of them where there are many, and how many there are in all.

    A tree is a row: `traces` are [{id}, …], and `nodes` are [node, parent, meta-reasoning, sub-problem, answer,
    passages], where a passage is [which of the traces, that trace's own step].
    """
    chooser = Chooser(most_trees, most_size, _EACH)
    total = 0
    for folder in folders:
        for row in _records(folder):
            total += row["parent"] is None and row["node"] == 1
            size = sum(len(row[part]) for part in TEXTS) + _PASSAGE * len(row["traces"])
            chooser.add(_name(folder, row), row["domain"], size + (len(row["problem"]) if row["node"] == 1 else 0))
    chosen = chooser.chosen()
    trees: dict[str, Row] = {}
    places: dict[str, dict[str, int]] = {}
    for folder in folders:
        for row in _records(folder):
            name = _name(folder, row)
            if name not in chosen:
                continue
            tree = trees.setdefault(name, _tree(folder, row))
            place = places.setdefault(name, {})
            passages = [[place.setdefault(one["trace_id"], len(place)), one["step"]] for one in row["traces"]]
            tree["nodes"].append([row["node"], row["parent"], *(cut(row[part])[0] for part in TEXTS), passages])
    for name, tree in trees.items():
        tree["traces"] = [{"id": trace_id} for trace_id in places[name]]
    return list(trees.values()), total


def add_facts(trees: Sequence[Row], folders: Sequence[Path]) -> None:
    """Add to the trees what the traces tables tell of each trace: its teacher, and whether its answer is right. Null
    where they do not hold it."""
    wanted = {one["id"] for tree in trees for one in tree["traces"]}
    known: dict[str, Row] = {}
    for folder in folders if wanted else ():
        for place, rejected in ((folder, False), (folder / REJECTED, True)):
            if is_table(place):
                for batch in read_table(folder, TRACES, ["trace_id", "teacher", "is_correct"], rejected=rejected):
                    known |= {row["trace_id"]: row for row in batch.to_pylist() if row["trace_id"] in wanted}
    for tree in trees:
        for one in tree["traces"]:
            fact = known.get(one["id"], {})
            one |= {"teacher": fact.get("teacher"), "correct": fact.get("is_correct")}


def _tree(folder: Path, row: Row) -> Row:
    return {
        "table": folder.name,
        "problem_id": row["problem_id"],
        "problem": cut(row["problem"])[0],
        "domain": row["domain"],
        "judge": row["judge"],
        "nodes": [],
    }


def _name(folder: Path, row: Row) -> str:
    return f"{folder.resolve()} {row['problem_id']}"


def _records(folder: Path) -> Iterator[Row]:
    for batch in read_table(folder, BRANCHES) if is_table(folder) else ():
        yield from batch.to_pylist()
