"""The words that tell one text from another, and those of any reasoning: to have these in common connects no two texts,
and to lack them tells nothing."""

from __future__ import annotations

import re

_WORDS = """
the and for but are was were been that this these those its you they she with from not yes then thus hence than there
here what which who how when where why does did has have had will would can could should must may might let now well
just also only one all any some more most such into out about over under again first next step part very still yet too
both each every other another same our their his her them because since while before after once get got make made take
come comes need want see sees say said tell tells look find finds found turns thing things way ways point points problem
task question answer solution approach plan method idea work working reasoning thought think thinking keep mind careful
carefully continue carry proceed move forward far fine good right sense clear sound further follow following rest whole
picture equal equals leave leaves gives yields check checks checking verify result results final conclude conclusion
"""

_CONTENT = re.compile(r"[^\W\d_\u3040-\u30ff\u3400-\u9fff]{4,}")
"""Words; not the runs of Chinese or Japanese text, which are sentences."""
STEM = 5


def stems(text: str) -> set[str]:
    """The beginnings of a text's longer words, so that a word's forms are one."""
    return {word[:STEM] for word in _CONTENT.findall(text.lower())}


def general(size: int) -> frozenset[str]:
    """The beginnings, of so many letters, of the words of any reasoning."""
    return frozenset(word[:size] for word in re.findall(r"\w+", _WORDS))
