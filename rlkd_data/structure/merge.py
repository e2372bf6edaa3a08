"""The decompositions of a trace's pieces as one: what two of them say about the text that they share is told once.

Steps are the same where their spans lie on one another, or, where one was not found in the trace, where their words
agree. The two pieces' steps about the shared text are matched in their order; what has no counterpart is kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from rapidfuzz import fuzz

from rlkd_data.schema import Step
from rlkd_data.structure.chunk import Piece

_SAME_WORDS = 85.0
_SAME_PLACE = 0.5
"""Share of the shorter span that the other covers."""
_MOST = 64
"""Steps on each side of a seam that are compared."""


def merge(pieces: Sequence[Piece], decompositions: Sequence[Sequence[Step]]) -> tuple[Step, ...]:
    """One sequence of steps, numbered from 1. Spans are those of the whole trace (see `shifted`).

    If every piece's steps are exactly those of the whole that lie in it, this gives the whole's.
    """
    merged: list[Step] = []
    for piece, steps in zip(pieces, decompositions, strict=True):
        kept = len(merged) - _tail(merged, piece)
        head = _head(steps, piece) if piece.start < piece.fresh else 0
        if head:
            merged[kept:] = _together(merged[kept:], steps[:head])
        merged.extend(steps[head:])
    return tuple(dataclasses.replace(step, index=index) for index, step in enumerate(merged, 1))


def shifted(steps: Sequence[Step], by: int) -> tuple[Step, ...]:
    """Steps whose spans count from a piece's start, with spans that count from the trace's."""
    return tuple(
        step
        if step.span_start is None or step.span_end is None
        else dataclasses.replace(step, span_start=step.span_start + by, span_end=step.span_end + by)
        for step in steps
    )


def _tail(steps: Sequence[Step], piece: Piece) -> int:
    """How many of the last steps may be about the text that `piece` shares with the one before: those behind the last
    that ends before it."""
    for back, step in enumerate(reversed(steps)):
        if step.span_end is not None and step.span_end <= piece.start:
            return min(back, _MOST)
    return min(len(steps), _MOST)


def _head(steps: Sequence[Step], piece: Piece) -> int:
    """How many of the first steps may be about the shared text: those before the first that begins behind it."""
    for number, step in enumerate(steps):
        if step.span_start is not None and step.span_start >= piece.fresh:
            return min(number, _MOST)
    return min(len(steps), _MOST)


def _together(left: Sequence[Step], right: Sequence[Step]) -> list[Step]:
    """Two sequences about the same text as one: the longest common subsequence once, what stands between it in the
    order of the spans. Of two that are the same the one with the longer span is kept: a piece's edge may have cut the
    other."""
    lengths = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    same = [[_same(a, b) for b in right] for a in left]
    for i in range(len(left) - 1, -1, -1):
        for j in range(len(right) - 1, -1, -1):
            lengths[i][j] = max(lengths[i + 1][j], lengths[i][j + 1], (lengths[i + 1][j + 1] + 1) * same[i][j])
    merged: list[Step] = []
    i = j = 0
    while i < len(left) or j < len(right):
        if i < len(left) and j < len(right) and same[i][j] and lengths[i][j] == lengths[i + 1][j + 1] + 1:
            merged.append(_fuller(left[i], right[j]))
            i, j = i + 1, j + 1
        elif j == len(right) or (i < len(left) and _left_first(lengths, i, j, left[i], right[j])):
            merged.append(left[i])
            i += 1
        else:
            merged.append(right[j])
            j += 1
    return merged


def _fuller(left: Step, right: Step) -> Step:
    return left if _length(left) > _length(right) else right


def _length(step: Step) -> int:
    return 0 if step.span_start is None or step.span_end is None else step.span_end - step.span_start


def _left_first(lengths: list[list[int]], i: int, j: int, left: Step, right: Step) -> bool:
    """Whether the left one comes next: where both ways keep the common subsequence, the one that stands first."""
    if lengths[i + 1][j] != lengths[i][j + 1]:
        return lengths[i + 1][j] > lengths[i][j + 1]
    return left.span_start is None or right.span_start is None or left.span_start <= right.span_start


def _same(left: Step, right: Step) -> bool:
    if left.span_start is not None and right.span_start is not None:
        assert left.span_end is not None and right.span_end is not None
        shared = min(left.span_end, right.span_end) - max(left.span_start, right.span_start)
        shorter = min(left.span_end - left.span_start, right.span_end - right.span_start)
        return shared >= max(1.0, _SAME_PLACE * shorter)
    said = fuzz.token_set_ratio(left.answer, right.answer, score_cutoff=_SAME_WORDS)
    return said > 0 and fuzz.token_sort_ratio(left.sub_problem, right.sub_problem, score_cutoff=_SAME_WORDS) > 0
