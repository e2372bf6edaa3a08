"""Where in the trace each step stands: character spans of the reasoning.

A step's answer is what the trace says, so it is looked for in the text: verbatim if it stands there, otherwise the
passage most like it (rapidfuzz's partial alignment). The search goes on behind the previous step's span first, for
steps follow the trace.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from rapidfuzz import fuzz

from rlkd_data.schema import Step

LEAST = 75.0
"""Similarity (0–100) under which a passage is not taken for the step's source."""


def ground(steps: Sequence[Step], reasoning: str, least: float = LEAST) -> tuple[Step, ...]:
    """The steps with `span_start` and `span_end` set where their answer was found, null where it was not."""
    grounded: list[Step] = []
    behind = 0
    for step in steps:
        span = find(step.answer, reasoning, behind, least)
        if span is None:
            grounded.append(dataclasses.replace(step, span_start=None, span_end=None))
        else:
            grounded.append(dataclasses.replace(step, span_start=span[0], span_end=span[1]))
            behind = max(behind, span[1])
    return tuple(grounded)


def find(text: str, reasoning: str, behind: int = 0, least: float = LEAST) -> tuple[int, int] | None:
    """The half-open span of the passage that says `text`, at or behind `behind` if there is one there, else before."""
    for start, end in ((behind, len(reasoning)), (0, behind)):
        at = reasoning.find(text, start, end)
        if at >= 0:
            return at, at + len(text)
    for start, end in ((behind, len(reasoning)), (0, len(reasoning))):
        if end - start < len(text) // 2:
            continue
        match = fuzz.partial_ratio_alignment(text, reasoning[start:end], score_cutoff=least)
        if match is not None and match.dest_end > match.dest_start:
            return _without_margins(reasoning, start + match.dest_start, start + match.dest_end)
    return None


def _without_margins(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without white space at either end."""
    passage = text[start:end]
    return start + len(passage) - len(passage.lstrip()), end - len(passage) + len(passage.rstrip())
