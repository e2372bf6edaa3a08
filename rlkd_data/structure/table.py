"""Replies that are a Markdown table with a step a row, written as lines with markers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rlkd_data.structure.characters import folded
from rlkd_data.structure.escaping import escape
from rlkd_data.structure.markers import Kind, marker

_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-{1,}:?[ \t]*(?:\|[ \t]*:?-{1,}:?[ \t]*)+\|?[ \t]*")
_CELL = re.compile(r"\\\||`[^`\n]*`|\$[^$\n|]*\$|(?P<bar>\|)")
_BREAK = re.compile(r"[ \t]*<br[ \t]?/?>[ \t]*", re.IGNORECASE)
_INDEX = re.compile(r"(?:step|no\.?|nr\.?|#|index|i|n)?", re.IGNORECASE)
_COUNT = re.compile(r"\D{0,12}(\d{1,6})\D{0,2}")
_NAMES: dict[Kind, str] = {"meta": "Meta-reasoning", "sub_problem": "Sub-problem", "answer": "Answer"}


def from_table(lines: Sequence[str]) -> list[str] | None:
    """The lines with markers in place of the rows; None where there is no one such table, or where a row has not as
    many cells as the heading, so that it cannot be told which cell is which."""
    heads = [n for n in range(len(lines) - 2) if "|" in lines[n] and _RULE.fullmatch(lines[n + 1]) and _head(lines[n])]
    if len(heads) != 1:
        return None
    at = heads[0]
    columns = _head(lines[at])
    assert columns is not None
    written = list(lines[:at])
    end = at + 2
    while end < len(lines) and "|" in lines[end] and lines[end].strip():
        cells = _cells(lines[end])
        if len(cells) != len(columns):
            return None
        named = dict(zip(columns, cells, strict=True))
        counted = _COUNT.fullmatch(named.get("", ""))
        number = f" {counted[1]}" if counted else ""
        written += [f"[{_NAMES[kind]}{number}]: {escape(named[kind])}" for kind in _NAMES]
        end += 1
    return [*written, *lines[end:]] if end > at + 2 else None


def _head(line: str) -> list[str] | None:
    """The kind of each column ("" for that of the numbers), if all three parts have one."""
    found: list[str] = []
    for cell in _cells(line):
        name = marker(f"[{cell.strip('*_: ')}]")
        if name is not None and name.kind in _NAMES:
            found.append(name.kind)
        elif _INDEX.fullmatch(folded(cell).strip("*_: ")):
            found.append("")
        else:
            return None
    return (
        found if sorted(found) in (["answer", "meta", "sub_problem"], ["", "answer", "meta", "sub_problem"]) else None
    )


def _cells(line: str) -> list[str]:
    bare = line.strip()
    edges = [found.start() for found in _CELL.finditer(bare) if found["bar"]]
    if edges and edges[0] == 0:
        edges = edges[1:]
        bare_start = 1
    else:
        bare_start = 0
    last = len(bare)
    if edges and edges[-1] == len(bare) - 1:
        last = edges.pop()
    starts = [bare_start, *(edge + 1 for edge in edges)]
    ends = [*edges, last]
    cells = [bare[low:high].strip().replace("\\|", "|") for low, high in zip(starts, ends, strict=True)]
    return [_BREAK.sub("\n", cell).strip() for cell in cells]
