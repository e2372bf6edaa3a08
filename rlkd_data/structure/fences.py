"""Code blocks of a reply: which of them hold code, and which only wrap the decomposition or one of its steps.

Fences alone do not tell: an inner block closes an outer one, and a block may never be closed. What tells is where the
markers stand. A block without markers holds code. Fences around markers are wrappers where all fences can be paired so
that no inner block holds a marker.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_FENCE = re.compile(r"[ \t]{0,8}(?P<mark>`{3,}|~{3,})")
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Layout:
    """For each line whether it is inside a code block, fences included; and the numbers (from 0) of the lines that are
    fences of wrappers, which belong to no part."""

    in_code: tuple[bool, ...]
    wrappers: frozenset[int]


def fence(line: str) -> str | None:
    """The back-ticks or tildes that open or close a code block on this line."""
    if len(line) < len("```") or not line[:12].lstrip(" \t").startswith(("```", "~~~")):
        return None
    found = _FENCE.match(line[:_LONGEST])
    return found["mark"] if found else None


def code_lines(lines: Sequence[str]) -> list[bool]:
    """For each line, whether it is inside a code block (its fences included). A block that is never closed is none."""
    inside = [False] * len(lines)
    for start, end in _pairs(lines, range(len(lines))):
        inside[start : end + 1] = [True] * (end - start + 1)
    return inside


def layout(lines: Sequence[str], marked: Sequence[bool], idle: Sequence[bool]) -> Layout:
    """How the fences are to be read. `marked`: lines that open a part if they are no code; `idle`: blank ones, and
    titles between steps."""
    fences = [number for number, line in enumerate(lines) if fence(line)]
    marks = [number for number, is_marked in enumerate(marked) if is_marked]
    nothing = Layout((False,) * len(lines), frozenset())
    if not fences or not marks:
        return nothing
    sums = [0]
    for is_marked in marked:
        sums.append(sums[-1] + is_marked)

    def free(pairs: Sequence[tuple[int, int]]) -> bool:
        return all(sums[start] == sums[end + 1] for start, end in pairs)

    def as_code(pairs: Sequence[tuple[int, int]], wrappers: Sequence[int]) -> Layout:
        in_code = [False] * len(lines)
        for start, end in pairs:
            in_code[start : end + 1] = [True] * (end - start + 1)
        return Layout(tuple(in_code), frozenset(wrappers))

    pairs = _pairs(lines, fences)
    if free(pairs):
        paired = {number for pair in pairs for number in pair}
        lone = [number for number in fences if number not in paired]
        return as_code(pairs, [n for n in lone if n < marks[0] or not "".join(lines[n + 1 :]).strip()])
    for way in (pairs, _nested_pairs(lines, fences)):
        if (apart := _one_by_one(way, sums, idle)) is not None:
            return as_code([pair for pair in way if pair[0] not in apart], sorted(apart))
    first, last = fences[0], fences[-1]
    for outer in ([first, last], [first], [last]):
        inner = [number for number in fences if number not in outer]
        opens, closes = first in outer, last in outer and last != first
        if (opens and first > marks[0]) or (closes and last < marks[-1]) or (closes and not _bare(lines[last])):
            continue
        if opens and not closes and first == last:
            continue
        inner_pairs = _pairs(lines, inner)
        if 2 * len(inner_pairs) == len(inner) and free(inner_pairs):
            return as_code(inner_pairs, outer)
    return as_code(pairs, [])


def _one_by_one(pairs: Sequence[tuple[int, int]], sums: Sequence[int], idle: Sequence[bool]) -> frozenset[int] | None:
    """The fences of blocks that wrap steps one by one, or all of them in one: each begins with a marker, and between
    the first and the last there is nothing beside them."""
    around = [(start, end) for start, end in pairs if sums[start] < sums[end + 1]]
    if not around:
        return None
    for start, end in around:
        begins = next((number for number in range(start + 1, end) if not idle[number]), None)
        if begins is None or sums[begins] == sums[begins + 1]:
            return None
    if sums[around[0][0]] > 0 or sums[around[-1][1]] < sums[-1]:
        return None
    for (_, end), (start, _) in pairwise(around):
        if not all(idle[end + 1 : start]):
            return None
    return frozenset(number for pair in around for number in pair)


def _pairs(lines: Sequence[str], numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Opening and closing fences, as CommonMark pairs them: a closing one is bare, of the same kind and no shorter."""
    fences = [(number, mark) for number in numbers if (mark := fence(lines[number]))]
    longest = {"`": [0] * (len(fences) + 1), "~": [0] * (len(fences) + 1)}
    for at in range(len(fences) - 1, -1, -1):
        for lengths in longest.values():
            lengths[at] = lengths[at + 1]
        number, mark = fences[at]
        if _bare(lines[number]):
            longest[mark[0]][at] = max(longest[mark[0]][at], len(mark))
    pairs: list[tuple[int, int]] = []
    open_: tuple[int, str] | None = None
    for at, (number, mark) in enumerate(fences):
        if open_ is None:
            if longest[mark[0]][at + 1] >= len(mark):
                open_ = number, mark
        elif mark[0] == open_[1][0] and len(mark) >= len(open_[1]) and _bare(lines[number]):
            pairs.append((open_[0], number))
            open_ = None
    return pairs


def _nested_pairs(lines: Sequence[str], numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Opening and closing fences where a block may hold another whose fence names a language; in order of their
    beginning. None where one is left over."""
    pairs: list[tuple[int, int]] = []
    open_: list[int] = []
    for number in numbers:
        if open_ and _bare(lines[number]):
            pairs.append((open_.pop(), number))
        else:
            open_.append(number)
    return [] if open_ else sorted(pairs)


def _bare(line: str) -> bool:
    return line.strip() == fence(line)
