"""What a step does: six kinds, told by its words alone. Pure.

The kinds are those of the studies of reasoning traces (setting up, planning, computing, checking, backtracking,
concluding). A sentence has a kind by the first rule that its words meet; a step that of most of its sentences, the
first of which counts more, for it says what the step is about. What meets no rule is computing: working out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, get_args

from rlkd_data.schema import Step
from rlkd_data.structure import kind_words

Kind = Literal["setting_up", "planning", "computing", "checking", "backtracking", "concluding"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_BY_KIND: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("concluding", kind_words.CONCLUDING),
    ("checking", kind_words.CHECKING),
    ("backtracking", kind_words.BACKTRACKING),
    ("setting_up", kind_words.SETTING_UP),
    ("planning", kind_words.PLANNING),
)
_RULES: tuple[tuple[Kind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile("|".join(patterns), re.IGNORECASE)) for kind, patterns in _BY_KIND
)
"""Concluding first: "so the answer is right" concludes; planning last, for its words stand in all the others."""
_OTHER = re.compile(r"^alternatively\b.*\b(?:i|we) (?:can|could)\b", re.IGNORECASE)
"""Another way that is planned, not one that was left."""
_WORKS = re.compile(r"[\d)\]}a-z]\s*(?:=|≈|≠|→|⇒|<|>|≤|≥)\s*[-\d(\[\\a-z$√]", re.IGNORECASE)
_FIRST, _UNTOLD = 1.5, 0.4
"""Weights of a first sentence, and of one that meets no rule and works nothing out, beside others."""
_FAILS = re.compile("|".join(kind_words.FAILS), re.IGNORECASE)
_DROPS = re.compile("|".join(kind_words.DROPS), re.IGNORECASE)


def kind_of(step: Step) -> Kind:
    """The kind of one step."""
    pieces = [one for one in _SENTENCE.split(step.answer.strip()) if one.strip()]
    weights = dict.fromkeys(KINDS, 0.0)
    for number, one in enumerate(pieces):
        kind = _of(one)
        told = 1.0 if kind != "computing" or _WORKS.search(one) else _UNTOLD
        weights[kind] += told * (_FIRST if number == 0 else 1.0)
    heaviest = max(weights.values())
    if not heaviest:
        return "computing"
    found = [kind for kind in KINDS if weights[kind] == heaviest]
    best: Kind = next((kind for kind, _ in _RULES if kind in found), "computing")
    if best == "computing" and heaviest == sum(weights.values()) and not _WORKS.search(step.answer):
        asked = _of(step.sub_problem)
        return asked if asked in ("checking", "concluding") else best
    return best


def kinds(steps: Sequence[Step]) -> tuple[Kind, ...]:
    """The kind of each step."""
    return tuple(map(kind_of, steps))


def abandoned(steps: Sequence[Step]) -> list[bool]:
    """For each step whether it came to nothing: it says so itself (it contradicts, it does not work), or the next one
    drops it for another way."""
    after = [step.answer.strip() for step in steps[1:]] + [""]
    return [
        bool(_FAILS.search(step.answer) or _DROPS.search(_SENTENCE.split(then)[0]))
        for step, then in zip(steps, after, strict=True)
    ]


def share_abandoned(steps: Sequence[Step]) -> float | None:
    """The share of the steps that came to nothing; None where there are none."""
    return sum(abandoned(steps)) / len(steps) if steps else None


def _of(sentence: str) -> Kind:
    said = sentence.strip()
    for kind, rule in _RULES:
        if rule.search(said):
            if kind == "planning" and _WORKS.search(said):
                return "computing"
            return "planning" if kind == "backtracking" and _OTHER.search(said) else kind
    return "computing"
