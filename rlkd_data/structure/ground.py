"""Where in the trace each step stands: character spans of the reasoning, and how much of it they account for.

A step's answer is what the trace says, so it is looked for in the text: verbatim if it stands there, otherwise the
passage most like it (rapidfuzz's partial alignment). The search goes on behind the previous step's span first, for
steps follow the trace. In a long trace the alignment is tried only where the answer's rarer words stand close together,
so that the time grows with the answers, not with answers times trace.
"""

from __future__ import annotations

import dataclasses
import heapq
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise

from rlkd_data.schema import Step
from rlkd_data.structure.alike import Passage, passage
from rlkd_data.structure.spans import in_line

LEAST = 75.0
"""Similarity (0–100) under which a passage is not taken for the step's source."""
LEAD = 1500
"""Characters before a step's span that count as the working that led to it; see `covered`."""
_SMALL = 1500
"""Characters of a trace up to which aligning with all of it is faster than choosing where."""
_PLACES = 3
"""Places of a long trace at which an alignment is tried."""
_NEAR = 1500
"""Characters behind the step before in which the next is always looked for."""
_ABOUT = 2.0
"""How much (of 100) more alike a passage farther behind must be than a nearer one."""
_BETTER = 15.0
"""How much (of 100) more alike a passage before the step before must be than one behind it."""
_TELLING = 12
"""Words of an answer, its rarest in the trace, that are followed to find such places."""
_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(r"(?<=[.!?:])\s+|\n+")
_PIECE = 12
"""Characters of a sentence that is looked for by itself."""
_WIDEST = 0.25
"""Share of a trace that one step's two sentences may stand apart."""
_LINED = 3
"""Steps with a place from which the others' can be told by theirs."""
_IN_LINE = 0.6
"""Share of the steps that must stand in the order of the trace for that."""
_LESS = 12.0
"""How much less alike (of 100) a passage between the neighbours' may be."""
_SURE = 40
"""Characters that do not stand in a place by chance."""


class Reasoning:
    """A trace's text, made ready to be searched. `find` is what it is for."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def _words(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for found in _WORD.finditer(self.text.lower()):
            places.setdefault(found[0], []).append(found.start())
        return places

    def find(self, text: str, behind: int = 0, least: float = LEAST) -> tuple[int, int] | None:
        """The half-open span of the passage that says `text`, at or behind `behind` if one is there, else before."""
        if not text:
            return None
        for start, end in ((behind, len(self.text)), (0, behind)):
            at = self.text.find(text, start, end)
            if at >= 0:
                return at, at + len(text)
        if (quoted := self._quoted(text, behind)) is not None:
            return quoted
        if (span := self._behind_or_before(text, behind, least)) is not None:
            return span
        return self._in_pieces(text, behind, least)

    def between(self, text: str, start: int, end: int, least: float) -> tuple[int, int] | None:
        """The half-open span of the passage within `start` … `end` that says `text`."""
        at = self.text.find(text, start, end)
        return (at, at + len(text)) if at >= 0 else self._span(self._alike(text, start, end, least))

    def _behind_or_before(self, text: str, behind: int, least: float) -> tuple[int, int] | None:
        """The span of the passage most like a text: behind `behind`, unless one before is much more like it."""
        after = self._alike(text, behind, len(self.text), least) if len(self.text) - behind >= len(text) // 2 else None
        if after is not None and after.score >= 100 - _BETTER:
            return self._span(after)
        least = least if after is None else after.score + _BETTER
        before = self._alike(text, 0, min(len(self.text), behind + len(text)), least) if behind else None
        return self._span(before or after)

    def _span(self, found: Passage | None) -> tuple[int, int] | None:
        return None if found is None else _without_margins(self.text, found.start, found.end)

    def _quoted(self, text: str, behind: int) -> tuple[int, int] | None:
        """The span from the first of a text's sentences to its last, where both stand word for word behind `behind`."""
        pieces = [piece for piece in _SENTENCE.split(text) if piece.strip()]
        if len(pieces) < 2 or min(len(pieces[0]), len(pieces[-1])) < _PIECE:
            return None
        first = self.text.find(pieces[0], behind)
        last = self.text.find(pieces[-1], first + len(pieces[0])) if first >= 0 else -1
        end = last + len(pieces[-1])
        return (first, end) if last >= 0 and end - first <= _WIDEST * len(self.text) else None

    def _in_pieces(self, text: str, behind: int, least: float) -> tuple[int, int] | None:
        """The span from the first to the last of a text's sentences, where they stand in the trace one after the other:
        an answer that puts together what the trace says with more between."""
        pieces = [piece for piece in _SENTENCE.split(text) if len(piece) >= _PIECE]
        if len(pieces) < 2:
            return None
        spans: list[tuple[int, int]] = []
        for piece in (pieces[0], pieces[-1]):
            start = spans[-1][1] if spans else behind
            at = self.text.find(piece, start)
            span = (at, at + len(piece)) if at >= 0 else self._span(self._alike(piece, start, len(self.text), least))
            if span is not None:
                spans.append(span)
        if len(spans) == 2 and spans[1][1] - spans[0][0] > _WIDEST * len(self.text):
            return spans[0]
        return (spans[0][0], spans[-1][1]) if spans else None

    def _alike(self, text: str, start: int, end: int, least: float) -> Passage | None:
        """The passage most like a text; of those about as like, the one in the nearest or likeliest window."""
        best: Passage | None = None
        for low, high in self._windows(text, start, end):
            found = passage(text, self.text[low:high], least)
            if found is not None and (best is None or found.score > best.score + _ABOUT):
                best = Passage(found.score, low + found.start, low + found.end)
        return best

    def _windows(self, text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of start … end in which `text` may stand, the likeliest first."""
        if end - start <= max(_SMALL, 3 * len(text)):
            yield start, end
            return
        yield start, min(end, start + _NEAR + len(text))
        size = max(len(text), 80)
        votes: dict[int, float] = {}
        found = (self._words.get(word, []) for word in set(_WORD.findall(text.lower())))
        for places in heapq.nsmallest(_TELLING, filter(None, found), key=len):
            weight = 1.0 / len(places)
            for place in places[bisect_left(places, start) : bisect_left(places, end)]:
                votes[place // size] = votes.get(place // size, 0.0) + weight
        pairs = {b: votes[b] + votes.get(b + 1, 0.0) for b in votes}
        for bucket in heapq.nlargest(_PLACES, pairs, key=lambda b: (pairs[b], -b)):
            yield max(start, (bucket - 1) * size), min(end, (bucket + 3) * size)


def ground(steps: Sequence[Step], reasoning: str | Reasoning, least: float = LEAST) -> tuple[Step, ...]:
    """The steps with `span_start` and `span_end` set where their answer was found, null where it was not.

    Steps follow the trace: one that is found out of line with most of the others, or not at all, is looked for again
    between the places of its neighbours, where less likeness is enough.
    """
    where = reasoning if isinstance(reasoning, Reasoning) else Reasoning(reasoning)
    spans: list[tuple[int, int] | None] = []
    behind = 0
    for step in steps:
        span = where.find(step.answer, behind, least)
        spans.append(span)
        if span is not None:
            behind = max(behind, span[1])
    for number, span in _between(steps, spans, where, least):
        spans[number] = span
    return tuple(
        dataclasses.replace(step, span_start=span[0] if span else None, span_end=span[1] if span else None)
        for step, span in zip(steps, spans, strict=True)
    )


def _between(
    steps: Sequence[Step], spans: Sequence[tuple[int, int] | None], where: Reasoning, least: float
) -> list[tuple[int, tuple[int, int]]]:
    """Better places of steps that are out of line or have none: (number of the step, its span) each."""
    line = in_line([span[0] if span else None for span in spans])
    found = sum(span is not None for span in spans)
    if found < _LINED or sum(line) < _IN_LINE * found:
        return []
    better: list[tuple[int, tuple[int, int]]] = []
    low = 0
    for number, step in enumerate(steps):
        span = spans[number]
        if line[number] and span is not None:
            low = span[1]
            continue
        if span is not None and span[1] - span[0] >= _SURE and where.text[span[0] : span[1]] in step.answer:
            continue  # word for word, and too long to stand there by chance
        high = next(
            (s[0] for s, kept in zip(spans[number:], line[number:], strict=True) if kept and s), len(where.text)
        )
        if high - low >= len(step.answer) // 3 and (again := where.between(step.answer, low, high, least - _LESS)):
            better.append((number, again))
            low = again[1]
    return better


def find(text: str, reasoning: str, behind: int = 0, least: float = LEAST) -> tuple[int, int] | None:
    """`Reasoning.find`, for a trace that is searched once."""
    return Reasoning(reasoning).find(text, behind, least)


def covered(steps: Sequence[Step], length: int, lead: int = LEAD) -> list[tuple[int, int]]:
    """The parts of a trace of `length` characters that the steps account for: disjoint spans in order.

    A step accounts for its own span and for the working that led to it, which is the text before the span as far as the
    passage before reaches, but at most `lead` characters: a step cannot stand for pages that it does not mention.
    """
    parts: list[tuple[int, int]] = []
    spans = sorted((s.span_start, s.span_end) for s in steps if s.span_start is not None and s.span_end is not None)
    for start, end in spans:
        before = parts[-1][1] if parts else 0
        low, high = max(before, start - lead), min(end, length)
        if high <= before:
            continue
        if parts and low == before:
            parts[-1] = (parts[-1][0], high)
        else:
            parts.append((low, high))
    return parts


def coverage(steps: Sequence[Step], length: int, lead: int = LEAD) -> float | None:
    """The share of a trace that its steps account for (see `covered`); None for an empty trace."""
    return sum(end - start for start, end in covered(steps, length, lead)) / length if length else None


def longest_gap(steps: Sequence[Step], length: int, lead: int = LEAD) -> int:
    """The longest run of characters that no step accounts for."""
    edges = [0, *(edge for part in covered(steps, length, lead) for edge in part), length]
    return max(high - low for low, high in zip(edges[::2], edges[1::2], strict=True))


def ordered(steps: Sequence[Step]) -> bool:
    """Whether the steps that were found stand in the trace in their own order."""
    starts = [step.span_start for step in steps if step.span_start is not None]
    return all(left <= right for left, right in pairwise(starts))


def _without_margins(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without white space at either end."""
    passage = text[start:end]
    return start + len(passage) - len(passage.lstrip()), end - len(passage) + len(passage.rstrip())
