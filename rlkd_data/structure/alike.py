"""The passage of a text that says the same as an answer, in part in other words.

rapidfuzz's partial alignment finds the window that is most like the answer. What the answer puts before or behind what
the text says ("It turns out: …", "…, so we are done") has nothing in that window to stand beside: the ends of both that
do not fit are left away, as in Smith and Waterman's local alignment (1981), and what remains is compared.
"""

from __future__ import annotations

from dataclasses import dataclass

from rapidfuzz import fuzz
from rapidfuzz.distance import Indel

_FIRST = 0.75
"""Share of `least` that the window must reach with the ends that do not fit."""
_KEPT = 0.6
"""Share of an answer that must remain."""
_TEXT = 16
"""Characters that must remain where anything was left away."""
_LEFT = 0.25
"""What leaving all away would cost, of 100: a passage that says more of the answer is the better one."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Where it stands (half-open), and how alike (0-100) it is."""

    score: float
    start: int
    end: int


def passage(text: str, within: str, least: float) -> Passage | None:
    """The passage of `within` most like `text`, if `least` of 100 alike; of those that read the same, the first."""
    window = fuzz.partial_ratio_alignment(text, within, score_cutoff=_FIRST * least)
    if window is None or window.dest_end <= window.dest_start:
        return None
    said = within[window.dest_start : window.dest_end]
    low, high, start, end, same = _fitting(text, said)
    kept = high - low
    if kept == len(text) or kept >= max(_TEXT, _KEPT * len(text)):
        left = 100 * _LEFT * (1 - kept / len(text))
        if (at := within.find(text[low:high])) >= 0 and 100 - left >= least:
            return Passage(100 - left, at, at + kept)
        score = 200.0 * same / (kept + end - start) - left
        if score >= max(least, window.score):
            at = within.find(said[start:end])
            return Passage(score, at, at + end - start)
    return Passage(window.score, window.dest_start, window.dest_end) if window.score >= least else None


def _fitting(text: str, said: str) -> tuple[int, int, int, int, int]:
    """The parts of both (from, to; from, to) that fit, each from an equal run of characters to another, of which the
    most more is the same than is not, and how many characters are the same in them."""
    found = (0, 0, 0, 0, 0)
    best = total = low = start = same = 0
    for op in Indel.opcodes(text, said):
        if op.tag != "equal":
            total -= op.src_end - op.src_start + op.dest_end - op.dest_start
            continue
        if total <= 0:
            total, same, low, start = 0, 0, op.src_start, op.dest_start
        total, same = total + op.src_end - op.src_start, same + op.src_end - op.src_start
        if total > best:
            best, found = total, (low, op.src_end, start, op.dest_end, same)
    return found
