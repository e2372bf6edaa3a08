"""How a problem of the world is solved, step by step, in the style of a teacher.

Before each step a teacher looks from what is sought down to what can be worked out: `needs` says which part comes
first, `ready` that its turn has come. Where a thing has two parts that are not known yet, styles differ
(`names.Style`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from rlkd_data.world.names import Style
from rlkd_data.world.problem import SIGNS, Problem
from rlkd_data.world.words import say


@dataclass(frozen=True, slots=True)
class Solved:
    """One step: what is weighed before it, its sub-problem, and its answer."""

    meta: str
    question: str
    answer: str

    @property
    def text(self) -> str:
        return f"{self.meta} {self.question} {self.answer}"


def solve(problem: Problem, style: Style, random: Random) -> Iterator[Solved]:
    """The steps of a right trace. `random` decides where the style does not."""
    known: set[str] = set(problem.given)
    while problem.goal not in known:
        thing, chain = (
            _upward(problem, known) if style == "upward" else _downward(problem, known, _chooser(style, random))
        )
        yield Solved(" ".join([*chain, say("ready", thing)]), say("ask", thing), _answer(problem, thing))
        known.add(thing)


def response(problem: Problem) -> str:
    """What is answered at the end."""
    return say("answer", number=problem.weight(problem.goal))


def _downward(problem: Problem, known: set[str], choose: Callable[[list[str]], str]) -> tuple[str, list[str]]:
    thing, chain = problem.goal, []
    while unknown := [part for part in problem.made[thing].parts if part not in known]:
        part = choose(unknown)
        chain.append(say("needs", thing, part))
        thing = part
    return thing, chain


def _chooser(style: Style, random: Random) -> Callable[[list[str]], str]:
    if style == "mixed":
        return random.choice
    return (lambda unknown: unknown[0]) if style == "first" else (lambda unknown: unknown[-1])


def _upward(problem: Problem, known: set[str]) -> tuple[str, list[str]]:
    needed = problem.needed()
    thing = next(
        thing
        for thing in problem.stated
        if thing in needed and thing not in known and all(part in known for part in problem.made[thing].parts)
    )
    return thing, []


def _answer(problem: Problem, thing: str) -> str:
    made = problem.made[thing]
    first, second = (problem.weight(part) for part in made.parts)
    weight = problem.weight(thing)
    return " ".join(
        [
            say("starts", thing, made.first),
            say("weighs", made.first, number=first),
            say("from", number=first),
            say(SIGNS[made.sign][0], thing, made.second),
            say("weighs", made.second, number=second),
            say(made.sign, number=second),
            say("makes", number=weight),
            say("weighs", thing, number=weight),
        ]
    )
