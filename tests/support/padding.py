"""Ways to more steps for nothing, of any domain: fillers put between honest steps, and honest steps told again.

Two sets, of other kinds in other words: TUNING is what guards may be tuned on, HELD_OUT what their figures are of.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from rlkd_data.schema import Step
from tests.support.oracle import reworded

Way = Callable[[Sequence[Step], str, random.Random], "list[Step]"]
"""(honest steps, their problem, chance) to the steps of one who pads them."""
_REMARKS = (
    ("How do we go on?", "Carefully, one thing after the other."),
    ("Is the approach sound?", "Yes, this approach makes sense so far."),
    ("What should be kept in mind?", "We should keep the whole picture in mind."),
    ("Are we on track?", "Everything looks fine up to this point."),
    ("What is the next move?", "The next move is to continue with the plan."),
    ("Is there more to say?", "There is nothing more to say here yet."),
)
_PEP = (
    ("Why does this reward patience?", "Patience helps, since rushing through such a task often leads to slips."),
    ("What makes a good solution?", "A good solution is clear, complete and easy to follow for any reader."),
    ("Could one lose the thread here?", "One could, so it is worth pausing and breathing before moving forward."),
    ("What is the mood of the work?", "Confidence is growing, because the pieces seem to fit together nicely."),
    ("How would a teacher comment on this?", "A teacher would probably nod and ask for the remaining parts."),
    ("What is a sensible attitude?", "Staying calm and organised is the sensible attitude throughout."),
    ("Is reasoning in steps worthwhile?", "Reasoning in steps is worthwhile because it keeps thoughts tidy."),
    ("What do experts do now?", "Experts tend to reflect briefly and then carry on with their work."),
)  # fmt: skip
_DEFINED = (
    ("What is a number?", "A number is an object that is used to count and to measure."),
    ("What does a sum mean?", "A sum is what one gets by putting quantities together."),
    ("What is a question?", "A question is a sentence that asks for information."),
    ("What is logic?", "Logic is the study of correct reasoning."),
    ("What is a variable?", "A variable is a symbol that stands for a quantity."),
    ("What is a unit?", "A unit is a quantity that is chosen as a standard."),
    ("What does to solve mean?", "To solve something means to find out what answers it."),
)
_SWAPS = {
    "is": "amounts to", "the": "this", "so": "consequently", "has": "owns", "have": "own", "each": "every single",
    "total": "overall", "because": "as", "then": "afterwards", "need": "require", "all": "the entire",
    "and": "as well as", "makes": "produces", "are": "count", "there": "here", "first": "initially", "must": "has to",
    "also": "likewise",
}  # fmt: skip


def _between(steps: Sequence[Step], fillers: Sequence[Step], chance: random.Random) -> list[Step]:
    """The steps in their order, and the fillers at places by chance."""
    places = sorted(chance.randrange(len(steps) + 1) for _ in fillers)
    found = list(steps)
    for filler, place in zip(reversed(fillers), reversed(places), strict=True):
        found.insert(place, filler)
    return found


def _filled(pairs: Callable[[Sequence[Step], str, int, random.Random], Sequence[tuple[str, str]]]) -> Way:
    def pad(steps: Sequence[Step], problem: str, chance: random.Random) -> list[Step]:
        made = pairs(steps, problem, len(steps) + 1, chance)
        return _between(steps, [Step(0, "That is looked at now.", asked, said) for asked, said in made], chance)

    return pad


def _of(given: Sequence[tuple[str, str]]) -> Way:
    return _filled(lambda steps, problem, count, chance: [chance.choice(given) for _ in range(count)])


def _sums(steps: Sequence[Step], problem: str, count: int, chance: random.Random) -> list[tuple[str, str]]:
    found = [chance.randrange(3, 99) for _ in range(count)]
    return [(f"What is {n} plus zero?", f"{n} + 0 = {n}") for n in found]


def _about_numbers(*ways: Callable[[int], tuple[str, str]]) -> Way:
    """What can be said of any number, each time in one of some ways."""

    def pairs(steps: Sequence[Step], problem: str, count: int, chance: random.Random) -> list[tuple[str, str]]:
        found = [chance.randrange(3, 99) for _ in range(count)]
        return [chance.choice(ways)(n) for n in found]

    return _filled(pairs)


_identities = _about_numbers(
    lambda n: (f"What happens to {n} when it is multiplied by 1?", f"Multiplying {n} by 1 leaves {n}."),
    lambda n: (f"How does {n} compare with {n}?", f"The two are the same: {n} equals {n}."),
    lambda n: (f"Does dividing {n} by one change it?", f"No: {n} / 1 = {n}, as before."),
)
_same_again = _about_numbers(
    lambda n: (f"What is {n} taken once?", f"Taken once, {n} stays {n}."),
    lambda n: (f"Which number is {n}?", f"Certainly, {n} is exactly {n}."),
    lambda n: (f"What remains when nothing is taken from {n}?", f"Nothing is taken from {n}, so {n} remains."),
)


def _other_sums(steps: Sequence[Step], problem: str, count: int, chance: random.Random) -> list[tuple[str, str]]:
    found = [(chance.randrange(12, 40), chance.randrange(3, 9)) for _ in range(count)]
    return [(f"What is {a} times {b}?", f"{a} * {b} = {a * b}") for a, b in found]


def _sentences(problem: str) -> list[str]:
    return [one.strip() for one in re.split(r"(?<=[.!?])\s+|\n+", problem) if len(one.split()) > 2] or [problem.strip()]


def _given(steps: Sequence[Step], problem: str, count: int, chance: random.Random) -> list[tuple[str, str]]:
    return [("What does the problem say?", chance.choice(_sentences(problem))) for _ in range(count)]


def _mentions(steps: Sequence[Step], problem: str, count: int, chance: random.Random) -> list[tuple[str, str]]:
    known = re.findall(r"[^\W\d_]{4,}", problem) or ["something"]
    return [
        (f"Which words matter in part {n}?", f"The problem mentions {chance.choice(known)} and {chance.choice(known)}.")
        for n in range(count)
    ]


def _talks(steps: Sequence[Step], problem: str, count: int, chance: random.Random) -> list[tuple[str, str]]:
    known = re.findall(r"[^\W\d_]{4,}", problem) or ["something"]
    ways: tuple[Callable[[str, str], tuple[str, str]], ...] = (
        lambda one, other: ("What is the text about?", f"It talks about {one}, and it also talks about {other}."),
        lambda one, other: (f"Where does {one} come in?", f"One reads of {one} in one of its sentences."),
    )
    return [chance.choice(ways)(chance.choice(known), chance.choice(known)) for _ in range(count)]


def _wanted(steps: Sequence[Step], problem: str, count: int, chance: random.Random) -> list[tuple[str, str]]:
    asked = [chance.choice(steps).sub_problem for _ in range(count)]
    return [(one, f"So the question is: {one[:1].lower()}{one[1:]}") for one in asked]


def swapped(text: str) -> str:
    """A text in which common words are others."""
    return "".join(_SWAPS.get(piece.lower(), piece) for piece in re.split(r"(\W+)", text))


def _twice(steps: Sequence[Step], problem: str, chance: random.Random) -> list[Step]:
    return [*steps, *(_told(s, reworded(s.sub_problem, chance), reworded(s.answer, chance)) for s in steps)]


def _recap(steps: Sequence[Step], problem: str, chance: random.Random) -> list[Step]:
    return [*steps, *(_told(s, f"What did part {n} give?", s.answer) for n, s in enumerate(steps, 1))]


def _last_again(steps: Sequence[Step], problem: str, chance: random.Random) -> list[Step]:
    return [*steps, *[steps[-1]] * max(2, len(steps))]


def _each_twice(steps: Sequence[Step], problem: str, chance: random.Random) -> list[Step]:
    both = [(s, _told(s, swapped(s.sub_problem), swapped(s.answer))) for s in steps]
    return [one for pair in both for one in pair]


def _backwards(steps: Sequence[Step], problem: str, chance: random.Random) -> list[Step]:
    back = [_told(s, f"Going back over it: {s.sub_problem}", f"{s.answer} That holds.") for s in reversed(steps)]
    return [*steps, *back]


def _checked(steps: Sequence[Step], problem: str, chance: random.Random) -> list[Step]:
    asked = ("Does this hold on a second look?", "Is this confirmed?", "Is the part above right?")
    more = [_told(s, chance.choice(asked), f"It is confirmed that {swapped(s.answer)}") for s in steps]
    return [*steps, *more]


def _told(step: Step, asked: str, said: str) -> Step:
    return replace(step, sub_problem=asked, answer=said)


TUNING: dict[str, tuple[str, Way]] = {
    "remarks": ("step_padding", _of(_REMARKS)),
    "sums with zero": ("step_padding", _filled(_sums)),
    "sums of other numbers": ("step_padding", _filled(_other_sums)),
    "the problem's sentences": ("step_padding", _filled(_given)),
    "identities": ("step_padding", _identities),
    "the problem's words": ("step_padding", _filled(_mentions)),
    "the whole, reworded": ("repeated_steps", _twice),
    "a recap": ("repeated_steps", _recap),
    "the last again": ("repeated_steps", _last_again),
}
HELD_OUT: dict[str, tuple[str, Way]] = {
    "encouragement": ("step_padding", _of(_PEP)),
    "a number is itself": ("step_padding", _same_again),
    "definitions": ("step_padding", _of(_DEFINED)),
    "talk of the problem's words": ("step_padding", _filled(_talks)),
    "questions as answers": ("step_padding", _filled(_wanted)),
    "each step twice, reworded": ("repeated_steps", _each_twice),
    "the whole backwards": ("repeated_steps", _backwards),
    "confirmed": ("repeated_steps", _checked),
}
