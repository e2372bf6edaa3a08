"""Rewards that shape how a student writes, beside what it finds out: length, repetition, script. Pure."""

from __future__ import annotations

import math
import re

_RIGHT, _WRONG = (1.0, 0.5), (-1.0, -0.5)
"""The cosine's values at no length and at the longest."""
_SCRIPTS = {
    "latin": "A-Za-z\u00c0-\u024f\u1e00-\u1eff",
    "cyrillic": "\u0400-\u052f",
    "han": "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
    "kana": "\u3040-\u30ff",
    "hangul": "\uac00-\ud7af\u1100-\u11ff",
    "arabic": "\u0600-\u06ff\u0750-\u077f",
    "hebrew": "\u0590-\u05ff",
    "devanagari": "\u0900-\u097f",
    "bengali": "\u0980-\u09ff",
    "tamil": "\u0b80-\u0bff",
    "thai": "\u0e00-\u0e7f",
}
"""Letters by script. Greek is left out: in any language it is mathematics."""
_ONE_AND_ONE = frozenset({"han", "kana"})
"""Written without spaces, so that each letter counts as a word; and Japanese is written in both."""
_RUN = re.compile("|".join(f"(?P<{name}>[{of}]{'' if name in _ONE_AND_ONE else '+'})" for name, of in _SCRIPTS.items()))


def length_score(right: bool, tokens: int, longest: int) -> float:
    """The cosine reward of "Demystifying Long Chain-of-Thought Reasoning" (arXiv 2502.03373, section 4.2), with the
    values of open-r1: a right answer gains the less, the longer it is (1 to 0.5), a wrong one loses the more, the
    shorter it is (-1 to -0.5)."""
    short, long = _RIGHT if right else _WRONG
    return long + 0.5 * (short - long) * (1.0 + math.cos(math.pi * min(1.0, tokens / longest)))


def overlong_score(tokens: int, longest: int, cache: int) -> float:
    """The soft overlong punishment of DAPO (arXiv 2503.14476, equation 13): 0 until `cache` tokens before the longest,
    then falling to -1 there."""
    return -min(1.0, max(0.0, (tokens - (longest - cache)) / cache))


def repetition_score(text: str, ngram: int) -> float:
    """The repetition penalty of arXiv 2502.03373 (appendix C.2), over words: minus the share of the runs of `ngram`
    words that have been there before."""
    found = re.findall(r"\w+", text.lower())
    runs = [tuple(found[i : i + ngram]) for i in range(len(found) - ngram + 1)]
    return len(set(runs)) / len(runs) - 1.0 if runs else 0.0


def language_score(problem: str, text: str) -> float:
    """The language consistency of DeepSeek-R1 (arXiv 2501.12948, section 2.3.2), told by script: the share of a text's
    words in a script that the problem is written in (in Latin's, where it has no words). 1 for a text without words."""
    asked = {str(found.lastgroup) for found in _RUN.finditer(problem)} or {"latin"}
    if asked & _ONE_AND_ONE:
        asked |= {"latin"}  # formulas and names
    if "kana" in asked:
        asked |= {"han"}
    written = [str(found.lastgroup) for found in _RUN.finditer(text)]
    return sum(one in asked for one in written) / len(written) if written else 1.0
