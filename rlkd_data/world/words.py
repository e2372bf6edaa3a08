"""The language of the world: a few sentences with names and numbers in them.

A sentence is what a small model's tokenizer takes as one token. Each sentence about a thing names it, so that to find
what is known of a thing is to find a sentence that names it; models of half a million weights do not learn that from
plain words (they stay at chance), and do learn it from these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import permutations, product
from string import Formatter

NAMES = ("bell", "boot", "bowl", "box", "cart", "coin", "crate", "drum", "jar", "lamp", "pipe", "vase")
"""The things of the world. A problem has some of them."""

SENTENCES = {
    "scale": "The scale starts again at {number}.",
    "weighs": "The {thing} weighs {number}.",
    "starts": "The {thing} starts from the {other}.",
    "adds": "The {thing} adds the {other}.",
    "takes": "The {thing} takes off the {other}.",
    "ask": "What does the {thing} weigh?",
    "needs": "To know the {thing}, the {other} is needed first.",
    "ready": "The {thing} can be worked out.",
    "from": "Start at {number}.",
    "plus": "Plus {number}.",
    "less": "Less {number}.",
    "makes": "That makes {number}.",
    "answer": "The answer is \\boxed{{{number}}}.",
}
"""What can be said, by what it is for. `needs` and `ready` weigh what comes next; `ask` is a sub-problem; the others
answer it, or state the problem."""

_SLOTS = {"thing": rf"(?:{'|'.join(NAMES)})", "other": rf"(?:{'|'.join(NAMES)})", "number": r"\d{1,4}"}


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence in a text, from `start` to `end`, with what stands in its places (None: it has no such place)."""

    kind: str
    thing: str | None
    other: str | None
    number: int | None
    start: int
    end: int


def say(kind: str, thing: str = "", other: str = "", number: int = 0) -> str:
    """A sentence of a kind in SENTENCES."""
    return SENTENCES[kind].format(thing=thing, other=other, number=number)


def heard(text: str) -> Iterator[Said]:
    """The sentences of the world in a text, in order; what lies between them is passed over."""
    for found in _pattern().finditer(text):
        kind = str(found.lastgroup)
        inner = _inner(kind).fullmatch(found[0])
        slots = inner.groupdict() if inner else {}
        number = slots.get("number")
        yield Said(
            kind,
            slots.get("thing"),
            slots.get("other"),
            int(number) if number is not None else None,
            found.start(),
            found.end(),
        )


def sentences(modulus: int) -> list[str]:
    """Every sentence that a problem of a modulus and its traces can have, each once."""
    said = [say("scale", number=modulus)]
    for kind, form in SENTENCES.items():
        if kind == "scale":
            continue
        if "{other}" in form:
            said += [say(kind, thing, other) for thing, other in permutations(NAMES, 2)]
        elif "{thing}" in form and "{number}" in form:
            said += [say(kind, thing, number=number) for thing, number in product(NAMES, range(modulus))]
        elif "{thing}" in form:
            said += [say(kind, thing) for thing in NAMES]
        else:
            said += [say(kind, number=number) for number in range(modulus)]
    return said


def any_sentence() -> str:
    """A regular expression, without groups of its own, that any sentence of the world fits."""
    return "|".join(_form(kind, named=False) for kind in SENTENCES)


@cache
def _pattern() -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{kind}>{_form(kind, named=False)})" for kind in SENTENCES))


@cache
def _inner(kind: str) -> re.Pattern[str]:
    return re.compile(_form(kind, named=True))


def _form(kind: str, *, named: bool) -> str:
    form = ""
    for literal, place, _, _ in Formatter().parse(SENTENCES[kind]):
        form += re.escape(literal)
        if place:
            form += f"(?P<{place}>{_SLOTS[place]})" if named else _SLOTS[place]
    return form
