"""Steps that find out nothing: what a completion is filled with to have more of them. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal

from rlkd_data.answers.choices import options_of
from rlkd_data.judges.found import says_again
from rlkd_data.schema import Step
from rlkd_data.structure.general import general
from rlkd_data.structure.numbers import numbers
from rlkd_train.reward.again import words

Idle = Literal["trivial", "foreign", "unconnected", "restates", "template", "echo"]
_NUMBER = r"(?<!\d)(?<!\d,)\d[\d,]*+(?:\.\d++)?"
_CALCULATION = re.compile(rf"({_NUMBER})\s*[-+*/×÷]\s*({_NUMBER})\s*=\s*({_NUMBER})")
_EQUATION = re.compile(r"(?<!\S)(\S+)\s*=\s*(\S+)")
_CHOICE = re.compile(r"(?<![A-Za-z'’])[A-J](?![A-Za-z'’])")
_STEM, _LEAST_WORD = 6, 3
_GENERAL = general(_STEM)
_CONNECTED = 0.25
"""Share of an answer's telling words that the problem or another step has, at least, where it has no number."""
_ECHO = 0.85
_GIVEN = 4
"""Words of an answer that says nothing but the problem's."""
_ALIKE = 3
"""Answers that are one sentence but for words of the problem."""


def idle(problem: str, steps: Sequence[Step]) -> list[Idle | None]:
    """For each step how it finds out nothing, or None where it does:

    - trivial: its one number is only itself: `4 + 0 = 4`, "multiplying 4 by 1 leaves 4"
    - foreign: it calculates with a number that is neither given nor was found, and what it finds is used nowhere
    - unconnected: no number, and words that neither the problem nor another step has
    - restates: it says in the problem's words what the problem gives
    - template: no number is found, and its answer is that of two others but for words of the problem
    - echo: it says its own question again

    To go through the options of a question with a choice is work, and to name one finds something.
    """
    said = [telling(step.answer) for step in steps]
    found = [numbers(step.answer) for step in steps]
    texts: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    plain = [tuple(words(step.answer)) for step in steps]
    for own, text in zip(said, plain, strict=True):
        for word in own:
            texts[word].add(text)
    given, known, asked = telling(problem), numbers(problem), frozenset(words(problem))
    options = options_of(problem)
    offered = frozenset(words(" ".join([*options, *options.values()])))
    first = set(known)
    itself = [_only_itself(step.answer) for step in steps]
    context = given.union(*(own for own, alone in zip(said, itself, strict=True) if not alone))
    alike = _alike([() if mine - first else text for text, mine in zip(plain, found, strict=True)], asked)
    verdicts: list[Idle | None] = []
    for n, (step, own, mine, later, text) in enumerate(zip(steps, said, found, _later(found), plain, strict=True)):
        connected = {word for word in own if word in given or texts[word] - {text}}
        about = telling(step.sub_problem)
        verdict: Idle | None = None
        if _itself(step.answer) or (itself[n] and not (own - about) & context):
            verdict = "trivial"
        elif _for_itself(step.answer, known, later):
            verdict = "foreign"
        elif options and not own and _CHOICE.search(step.answer):
            pass
        elif not mine and len(connected) <= _CONNECTED * len(own):
            verdict = "unconnected"
        elif len(text) >= _GIVEN and not mine - first and set(text) <= asked and not set(text) <= offered:
            verdict = "restates"
        elif alike[n]:
            verdict = "template"
        elif says_again(step.sub_problem, step.answer) or _echo(own, about, mine - numbers(step.sub_problem)):
            verdict = "echo"
        verdicts.append(verdict)
        known |= mine
    return verdicts


def telling(text: str) -> frozenset[str]:
    """The beginnings of a text's words that are about something."""
    found = {word[:_STEM] for word in words(text) if len(word) >= _LEAST_WORD and not word.isdigit()}
    return frozenset(found - _GENERAL)


def _itself(answer: str) -> bool:
    made = _EQUATION.findall(answer)
    return bool(made) and all(left.strip(".,;") == right.strip(".,;") for left, right in made)


def _only_itself(answer: str) -> bool:
    own = numbers(answer) - {"0", "1"}
    return len(own) == 1 and len([one for one in re.findall(_NUMBER, answer) if numbers(one) == own]) >= 2


def _alike(answers: Sequence[tuple[str, ...]], asked: frozenset[str]) -> list[bool]:
    """For each answer whether it is a sentence of some length that others are too, but for words of the problem."""
    frames = [tuple("" if word in asked else word for word in text) for text in answers]
    count = Counter(frame for _, frame in set(zip(answers, frames, strict=True)))
    return [len(one) >= _GIVEN and "" in one and any(one) and count[one] >= _ALIKE for one in frames]


def _for_itself(answer: str, known: set[str], later: set[str]) -> bool:
    made = _CALCULATION.findall(answer)
    if not made or not later:  # nothing could use what the last one finds
        return False
    operands = {one for left, right, _ in made for one in numbers(f"{left} {right}")} - {"0", "1"}
    results = {one for _, _, result in made for one in numbers(result)}
    return not operands <= known and not results & (known | later)


def _echo(said: frozenset[str], asked: frozenset[str], more: set[str]) -> bool:
    return bool(said) and not more and len(said & asked) >= _ECHO * max(len(said), len(asked))


def _later(found: Sequence[set[str]]) -> Iterator[set[str]]:
    """For each step the numbers of those behind it."""
    behind: list[set[str]] = [set()]
    for numbers_ in reversed(found[1:]):
        behind.append(behind[-1] | numbers_)
    yield from reversed(behind[: len(found)])
