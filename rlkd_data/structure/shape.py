"""How well a plain text is built as reasoning, by its words alone: what `collect --keep structure` chooses by. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rlkd_data.schema import Step
from rlkd_data.structure.kinds import Kind, kinds, share_abandoned

PARTS: tuple[Kind, ...] = ("setting_up", "planning", "computing", "checking", "concluding")
"""What a well built piece of reasoning has."""
_BREAK = re.compile(r"(?<=[.!?])\s+|\n+")
_LEAST = 90
"""Characters of a passage at least: one sentence, or a few short ones."""


@dataclass(frozen=True, slots=True)
class Shape:
    """`passages` of a text; the share of PARTS that they have, and of them that came to nothing, each 0 to 1."""

    passages: int
    parts: float
    abandoned: float

    @property
    def score(self) -> float:
        """From -1 to 1."""
        return self.parts - self.abandoned


def shape(text: str) -> Shape:
    """The shape of a text."""
    steps = [Step(number, "", "", passage) for number, passage in enumerate(passages(text), 1)]
    found = set(kinds(steps))
    return Shape(len(steps), sum(part in found for part in PARTS) / len(PARTS), share_abandoned(steps) or 0.0)


def passages(text: str) -> Iterator[str]:
    """The sentences of a text, short ones put together."""
    waiting = ""
    for sentence in _BREAK.split(text):
        if not sentence.strip():
            continue
        waiting = f"{waiting} {sentence.strip()}".strip()
        if len(waiting) >= _LEAST:
            yield waiting
            waiting = ""
    if waiting:
        yield waiting
