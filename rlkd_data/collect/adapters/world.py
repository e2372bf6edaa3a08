"""rlkd's own world as a source: problems that are made by a seed, each with the traces of teachers who are never wrong.

A record holds the whole problem and its traces, so that whoever reads a shuffled part of them reads the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from rlkd_data.collect.adapters.base import Adapter, Record, SourceRow
from rlkd_data.config import WorldSettings
from rlkd_data.world.problem import Difficulty, draw
from rlkd_data.world.trace import response, solve

NAME = "world"
LICENCE = "apache-2.0"
"""Ours, as rlkd's own."""
_TRACES = 16
"""Traces that a record has at most, before those that are alike are left out."""


def records(settings: WorldSettings) -> Iterator[tuple[str, Record]]:
    """The problems, by number: one of a seed and number is the same in a larger set."""
    difficulty = Difficulty(
        settings.needed, settings.distractors, settings.things, settings.modulus, settings.operations
    )
    for number in range(settings.size):
        problem = draw(Random(f"{settings.seed} {number}"), difficulty)
        traces: dict[str, str] = {}
        for place in range(_TRACES):
            style = settings.styles[place % len(settings.styles)]
            if place >= len(settings.styles) and style != "mixed":
                continue  # only chance makes another trace of it
            steps = solve(problem, style, Random(f"{settings.seed} {number} {place}"))
            traces.setdefault("\n".join(step.text for step in steps), style)
        yield (
            f"problem {number + 1}",
            {
                "problem": problem.text,
                "answer": str(problem.weight(problem.goal)),
                "response": response(problem),
                "traces": [{"reasoning": text, "style": style} for text, style in traces.items()],
            },
        )


def read_all(record: Record) -> list[SourceRow]:
    """A problem's traces, each once."""
    return [
        SourceRow(
            problem=record["problem"],
            answer=record["answer"],
            domain="puzzle",
            reasoning=trace["reasoning"],
            response=record["response"],
            final_answer=record["answer"],
            teacher=f"world:{trace['style']}",
            license=LICENCE,
            sample_index=place,
        )
        for place, trace in enumerate(record["traces"])
    ]


def read(record: Record) -> SourceRow:
    return read_all(record)[0]


WORLD = Adapter(NAME, frozenset({"problem", "answer", "response", "traces"}), read, "puzzle", read_all=read_all)
