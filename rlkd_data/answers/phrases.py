"""Words, and phrases of words and numbers: whether two say the same, as far as they tell. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

_TRUE = frozenset(
    ["true", "yes", "correct", "right", "valid", "holds", "是", "对", "正确", "成立", "真", "是的", "oui", "si", "ja"]
)
_FALSE = frozenset(
    ["false", "no", "incorrect", "wrong", "invalid", "否", "不", "错", "错误", "不成立", "假", "不是", "non", "nein"]
)
_KINDS = tuple(
    frozenset(names.split())
    for names in (
        "monday tuesday wednesday thursday friday saturday sunday",
        "january february march april may june july august september october november december",
        "north south east west northeast northwest southeast southwest",
        "up down left right",
        "red orange yellow green blue purple black white brown pink gray grey violet",
        "odd even",
        "increasing decreasing constant",
        "positive negative zero",
        "first second third fourth fifth sixth seventh eighth ninth tenth last",
        "am pm morning afternoon evening night noon midnight",
        "acute obtuse right",
        "rational irrational",
        "convergent divergent converges diverges",
        "increase decrease increases decreases",
        "more less fewer",
        "win lose draw",
        "heads tails",
        "male female",
        "true false yes no",
    )
)
"""Words of one kind exclude one another."""
_DATES = _KINDS[0] | _KINDS[1]
_CONJUNCTIONS = frozenset(
    {"and", "or", "is", "at", "on", "in", "of", "to", "it", "that", "by", "with", "for", "answer"}
)
_OF_FORMULAS = re.compile(
    r"(?:root|racine|raiz|wurzel|squar|cub|pi|infinit|unendlich|half|halves|third|quarter|fourth|fifth|over|by|divided|times"
    r"|plus|minus|negative|power|exponent|log|factorial|sine|cosine|tangent|one|two|three|four|five|six|seven|eight"
    r"|nine|ten|\w+teen|\w+ty|hundred|thousand|million|undefined)"
)
_NAME = 2
"""Words up to which they are a name."""
_NEGATIONS = frozenset({"not", "no", "never", "neither", "nor", "cannot", "none", "without"})


def boolean(words: Sequence[str]) -> bool | None:
    """What a lone yes or no means; None for other words."""
    if len(words) != 1:
        return None
    return True if words[0] in _TRUE else False if words[0] in _FALSE else None


def same_words(one: Sequence[str], other: Sequence[str]) -> bool | None:  # noqa: PLR0911 - a kind each
    """Two answers that are words alone. Single words differ; longer ones may say the same in other words."""
    if list(one) == list(other):
        return True
    left, right = boolean(one), boolean(other)
    if left is not None and right is not None:
        return left is right
    if len(one) == len(other) == 1:
        if _stem(one[0]) == _stem(other[0]):
            return None
        return False
    if exclude(one, other):
        return False
    if "".join(one) == "".join(other):
        return True
    return None


def may_say(words: Sequence[str], formula: str) -> bool:
    """Whether words could mean a formula: "root of two" may be `\\sqrt{2}`, "triangle" may be `ABC`, and a
    statement may say anything; a city is no formula of numbers alone, and nothing is none."""
    if tuple(words) == ("nothing",):
        return False
    numeric = re.search(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", " ", formula)) is None
    return not numeric or len(words) > _NAME or any(not word.isascii() or _OF_FORMULAS.match(word) for word in words)


def same_phrases(one: Sequence[str], other: Sequence[str]) -> bool | None:
    """Two phrases. Other numbers in them make them differ, and other words of one kind (days, colours); the same tokens
    in another order are open, but for days and times."""
    left, right = ([token for token in tokens if token not in _CONJUNCTIONS] for tokens in (one, other))
    if left == right:
        return True
    if sorted(left) == sorted(right) and all(token[:1].isdigit() or token in _DATES for token in left):
        dated = any(token in _DATES or ":" in token for token in left)
        return True if dated else None  # 2 to 1 are not 1 to 2
    numbers = [{token for token in tokens if token[:1].isdigit()} for tokens in (left, right)]
    if numbers[0] != numbers[1] and (numbers[0] and numbers[1]):
        return False
    shorter, longer = sorted((set(left), set(right)), key=len)
    if shorter < longer and any(token[:1].isdigit() for token in longer - shorter):
        return False
    return False if exclude(left, right) else None


def exclude(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two texts' words exclude one another: another day, colour or direction, or a "not" in one alone."""
    left, right = set(one), set(other)
    if bool(left & _NEGATIONS) != bool(right & _NEGATIONS) and (left - _NEGATIONS) == (right - _NEGATIONS):
        return True
    return any(kind & left and kind & right and not (kind & left & right) for kind in _KINDS)


def _stem(word: str) -> str:
    return word.removesuffix("ing").removesuffix("ed").removesuffix("es").removesuffix("s")
