"""Steps that are earlier ones once more: how much of what a completion says, it has said before. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rapidfuzz.distance import LCSseq

from rlkd_data.schema import Step

_SHARED = 0.65
"""Share of an answer's words that stand in the later one, in their order: of one in which every third word is another,
so many are left."""
_OWN = 0.75
"""Part of a later answer's words against which the shared ones count too: what has much of its own is no repetition."""
_LONGER, _FEW = 2, 8
"""An answer of more than twice as many words, and these, is another; so is one of less than half, and these."""


def again(steps: Sequence[Step]) -> list[bool]:
    """For each step, whether its answer is that of an earlier one once more: the same numbers, and most of the words in
    their order, be they others here and there or with words around them. What is asked does not count: it is easily
    worded otherwise, and people ask the same for different parts of an answer."""
    earlier: list[tuple[list[str], frozenset[str]]] = []
    found = []
    for step in steps:
        said = words(step.answer)
        numbers = frozenset(word for word in said if word.isdigit())
        found.append(any(numbers == others and _same(said, before) for before, others in earlier))
        earlier.append((said, numbers))
    return found


def said_again(steps: Sequence[Step], which: Sequence[bool]) -> float:
    """The share of the words of all answers that stand in the steps of `which`; 0 where there are no words."""
    lengths = [len(words(step.answer)) for step in steps]
    return sum(n for n, one in zip(lengths, which, strict=True) if one) / max(1, sum(lengths))


def _same(said: Sequence[str], before: Sequence[str]) -> bool:
    if not said or not before or len(said) > _LONGER * len(before) + _FEW or len(before) > _LONGER * len(said):
        return False
    wanted = _SHARED * max(len(before), _OWN * len(said))
    return LCSseq.similarity(said, before, score_cutoff=int(wanted)) >= wanted


def words(text: str) -> list[str]:
    """The words and numbers of a text, in small letters."""
    return re.findall(r"\w+", text.lower())
