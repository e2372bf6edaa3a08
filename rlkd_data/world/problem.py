"""Problems of the world: things whose weights depend on each other, and one that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import factorial, prod
from random import Random

from rlkd_data.world.names import OPERATIONS, Operation
from rlkd_data.world.words import NAMES, say

SIGNS: dict[Operation, tuple[str, int]] = {"plus": ("adds", 1), "less": ("takes", -1)}
"""What a thing can do with its second part: the sentence that says it, and the sign."""


@dataclass(frozen=True, slots=True)
class Made:
    """A thing whose weight is that of `first`, plus or less that of `second`."""

    first: str
    sign: Operation
    second: str

    @property
    def parts(self) -> tuple[str, str]:
        return self.first, self.second


@dataclass(frozen=True, slots=True)
class Difficulty:
    """How hard problems are: things to work out (from, to), others that could be but lead nowhere, things in all at
    most, where the scale starts again, and what a thing can do with its second part."""

    needed: tuple[int, int] = (4, 6)
    distractors: tuple[int, int] = (1, 2)
    things: int = 12
    modulus: int = 35
    operations: tuple[Operation, ...] = OPERATIONS


@dataclass(frozen=True, slots=True)
class Problem:
    """`given` weighs as it says, `made` is worked out; `stated` is the order of the text. `goal` is asked for."""

    modulus: int
    given: Mapping[str, int]
    made: Mapping[str, Made]
    stated: tuple[str, ...]
    goal: str

    @property
    def text(self) -> str:
        """The problem in words."""
        lines = [say("scale", number=self.modulus)]
        for thing in self.stated:
            if thing in self.given:
                lines.append(say("weighs", thing, number=self.given[thing]))
            else:
                made = self.made[thing]
                lines += [say("starts", thing, made.first), say(SIGNS[made.sign][0], thing, made.second)]
        return " ".join([*lines, say("ask", self.goal)])

    def weight(self, thing: str) -> int:
        """What a thing weighs."""
        if thing in self.given:
            return self.given[thing]
        made = self.made[thing]
        return (self.weight(made.first) + SIGNS[made.sign][1] * self.weight(made.second)) % self.modulus

    def needed(self, thing: str | None = None) -> frozenset[str]:
        """The things to be worked out for one, by default for the goal, with itself."""
        thing = thing or self.goal
        if thing in self.given:
            return frozenset()
        return frozenset({thing}).union(*(self.needed(part) for part in self.made[thing].parts))

    def orders(self) -> int:
        """In how many orders the needed things can be worked out: of n that form a tree, n! over the product of the
        sizes of all its branches (Knuth, The Art of Computer Programming 3, section 5.1.4, exercise 20)."""
        needed = self.needed()
        return factorial(len(needed)) // prod(len(self.needed(thing)) for thing in needed)


def draw(random: Random, difficulty: Difficulty) -> Problem:
    """A problem whose needed things form a tree with more than one right order (from three things on)."""
    needed = random.randint(*difficulty.needed)
    while True:
        problem = _draw(random, difficulty, needed)
        if problem.orders() > 1 or needed < 3:
            return problem


def _draw(random: Random, difficulty: Difficulty, needed: int) -> Problem:
    names = random.sample(NAMES, len(NAMES))
    distractors = random.randint(*difficulty.distractors)
    to_make, extra = names[:needed], names[needed : needed + distractors]
    room = difficulty.things - needed - distractors
    plain = names[needed + distractors :][: max(2, min(random.randint(min(3, needed + 1), needed + 1), room))]
    slots: dict[str, list[str | None]] = {thing: [None, None] for thing in to_make}
    for place, thing in enumerate(to_make[1:], 1):  # each but the goal is a part of one before it
        free = [(above, side) for above in to_make[:place] for side in (0, 1) if slots[above][side] is None]
        above, side = random.choice(free)
        slots[above][side] = thing
    made: dict[str, Made] = {}
    for thing, sides in slots.items():
        fresh = iter(random.sample(plain, 2))
        first, second = (part or next(fresh) for part in sides)
        made[thing] = Made(first, random.choice(difficulty.operations), second)
    for place, thing in enumerate(extra):
        first, second = random.sample([*plain, *to_make, *extra[:place]], 2)
        made[thing] = Made(first, random.choice(difficulty.operations), second)
    used = {part for one in made.values() for part in one.parts}
    given = {thing: random.randrange(difficulty.modulus) for thing in plain if thing in used}
    stated = random.sample([*given, *made], len(given) + len(made))
    return Problem(difficulty.modulus, given, made, tuple(stated), to_make[0])
