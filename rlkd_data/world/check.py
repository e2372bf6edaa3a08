"""Where a trace of the world first goes wrong, and what was worked out again. Pure.

A problem states all that its steps can get wrong, so that a trace is judged by the text of its problem alone, whatever
order a teacher would have taken.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Literal

from rlkd_data.schema import Step
from rlkd_data.world.names import Operation
from rlkd_data.world.problem import SIGNS, Made, Problem
from rlkd_data.world.read import steps
from rlkd_data.world.words import heard

Fault = Literal[
    "none", "asks nothing", "not to be made", "too early", "looked up wrongly", "summed wrongly", "unfinished"
]
"""What a trace's first faulty step gets wrong. *not to be made*: the thing's weight is given, or nobody says what it is
made of. *too early*: a part of it has not been worked out. *looked up wrongly*: a part's weight is not what was said of
it before. *unfinished*: no step is at fault, and none reaches what is asked for."""
Again = Literal["no", "mended", "spoiled", "neither"]
"""Whether a thing was worked out more than once, and what that did: a wrong weight became right, a right one wrong."""


def stated(text: str) -> Problem:
    """The problem that its text states. Raises ValueError where it is none of this world."""
    modulus, goal, firsts = 0, "", {}
    given: dict[str, int] = {}
    made: dict[str, Made] = {}
    names: list[str] = []
    signs: dict[str, Operation] = {sentence: sign for sign, (sentence, _) in SIGNS.items()}
    for said in heard(text):
        thing, other, number = said.thing or "", said.other or "", said.number or 0
        if said.kind == "scale":
            modulus = number
        elif said.kind == "weighs":
            given[thing] = number
            names.append(thing)
        elif said.kind == "starts":
            firsts[thing] = other
            names.append(thing)
        elif said.kind in signs and thing in firsts:
            made[thing] = Made(firsts[thing], signs[said.kind], other)
        elif said.kind == "ask":
            goal = thing
    if not modulus or goal not in made:
        raise ValueError("the text states no problem of the world")
    return Problem(modulus, given, made, tuple(names), goal)


def first_fault(problem: Problem, text: str) -> Fault:
    """What goes wrong first in a trace. A wrong weight is its step's fault alone: what follows may build upon it."""
    known = dict(problem.given)
    for step in steps(text):
        thing, weight, parts = _worked_out(step)
        if thing is None:
            return "asks nothing"
        made = problem.made.get(thing)
        if made is None:
            return "not to be made"
        if any(part not in known for part in made.parts):
            return "too early"
        first, second = (known[part] for part in made.parts)
        if any(parts.get(part) != known[part] for part in made.parts):
            return "looked up wrongly"
        if weight != (first + SIGNS[made.sign][1] * second) % problem.modulus:
            return "summed wrongly"
        known[thing] = weight
    return "none" if problem.goal in known else "unfinished"


def again(problem: Problem, text: str) -> Again:
    """Whether a trace works things out again; of several, the first that was mended or spoiled tells."""
    found: defaultdict[str, list[bool]] = defaultdict(list)
    for step in steps(text):
        thing, weight, _ = _worked_out(step)
        if thing is not None and thing in problem.made:
            found[thing].append(weight == problem.weight(thing))
    repeated = [rights for rights in found.values() if len(rights) > 1]
    for first, *_, last in repeated:
        if first != last:
            return "mended" if last else "spoiled"
    return "neither" if repeated else "no"


def _worked_out(step: Step) -> tuple[str | None, int | None, dict[str, int]]:
    """The thing that a step asks for, the weight that it ends with, and the weights that it takes for the parts."""
    asked = [said.thing for said in heard(step.sub_problem) if said.kind == "ask"]
    weights = [(said.thing or "", said.number or 0) for said in heard(step.answer) if said.kind == "weighs"]
    thing = asked[0] if asked else None
    if weights and weights[-1][0] == thing:
        return thing, weights[-1][1], dict(weights[:-1])
    return thing, None, dict(weights)
