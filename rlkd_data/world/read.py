"""From a text in the world's words to its steps: what a perfect GSRM of this world would say. Pure.

A student's text may be anything. What weighs the next step (`needs`, `ready`) and the sub-problem that follows open a
step, whatever else is said answers it; words of no sentence are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rlkd_data.schema import Step
from rlkd_data.world.words import Said, heard

_WEIGHING = ("needs", "ready")
NOTHING = "Nothing is said."
"""Stands for a part that a step lacks: it matches no teacher's."""


@dataclass(slots=True)
class _Parts:
    meta: list[Said] = field(default_factory=list)
    question: list[Said] = field(default_factory=list)
    answer: list[Said] = field(default_factory=list)

    def takes(self, kind: str) -> list[Said] | None:
        """Where a sentence of that kind belongs; None where it begins the next step."""
        if kind in _WEIGHING:
            return None if self.question or self.answer else self.meta
        if kind == "ask":
            return None if self.question or self.answer else self.question
        return self.answer


def steps(text: str) -> tuple[Step, ...]:
    """The steps of a text, each with its place in it. A text without a sentence of the world has none."""
    found: list[_Parts] = []
    for said in heard(text):
        if said.kind == "answer":  # the problem's, not a step's
            continue
        place = found[-1].takes(said.kind) if found else None
        if place is None:
            found.append(_Parts())
            place = found[-1].takes(said.kind)
        assert place is not None
        place.append(said)
    return tuple(_step(number, parts, text) for number, parts in enumerate(found, 1))


def _step(number: int, parts: _Parts, text: str) -> Step:
    def words(said: list[Said]) -> str:
        return " ".join(text[one.start : one.end] for one in said) or NOTHING

    every = [*parts.meta, *parts.question, *parts.answer]
    return Step(
        number,
        words(parts.meta),
        words(parts.question),
        words(parts.answer),
        min(one.start for one in every),
        max(one.end for one in every),
    )
