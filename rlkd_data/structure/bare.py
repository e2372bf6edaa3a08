"""A text as its words alone, to tell whether two say the same: small letters, no punctuation, one space between."""

from __future__ import annotations

import re


def bare(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
