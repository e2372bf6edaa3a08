"""A trace too long for the annotator's window, cut into pieces at natural boundaries, each with some text before it.

Where the cut falls decides whether a step is torn apart, so the best kind of boundary wins that the last part of a
piece has: a blank line before a turn of thought ("Wait", "Alternatively", "So"), a blank line, a turn of thought, a
line's end, a sentence's end, white space; only text without any of them is cut between two characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TURN = (
    r"(?:Wait|Alternatively|So|Hmm|Okay|OK|Ok|Now|Next|But|However|Therefore|Thus|Hence|First|Second|Then|Finally|"
    r"Let me|Let's|Actually|Another|Similarly|In conclusion|To summarize)\b"
)
_BOUNDARIES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?<!\s)[ \t\r]*+\n[ \t\r]*+\n\s*+(?={_TURN})",
        r"(?<!\s)[ \t\r]*+\n[ \t\r]*+\n\s*+",
        rf"(?<=[.!?:)\]$])\s++(?={_TURN})",
        r"(?<!\s)[ \t\r]*+\n\s*+",
        r"(?<=[.!?])[)\"'”]?+\s++",
        r"(?<!\s)\s++",
    )
)
"""From the best kind to the worst; a piece ends behind the match. Each begins where white space begins and gives none
back, so that pages of white space cost no more than pages of text."""
_TAIL = 0.4
"""The last part of a piece in which a boundary is looked for: a poor one near the end beats a good one that would make
the piece half as long."""


@dataclass(frozen=True, slots=True)
class Piece:
    """`text[start:end]` is decomposed; of it `text[start:fresh]` was already part of the piece before. The stretches
    `fresh` … `end` of all pieces make up the text, each character once."""

    start: int
    fresh: int
    end: int


def cut(text: str, longest: int, overlap: int = 0) -> tuple[Piece, ...]:
    """Pieces of at most `longest` characters, each beginning up to `overlap` characters before its own stretch, at a
    boundary. A text that fits is one piece. Raises ValueError unless 0 <= overlap < longest."""
    if not 0 <= overlap < longest:
        raise ValueError(f"pieces of {longest} characters cannot overlap by {overlap}")
    if len(text) <= longest:
        return (Piece(0, 0, len(text)),)
    pieces: list[Piece] = []
    fresh = 0
    while fresh < len(text):
        start = _overlap_start(text, fresh, overlap) if pieces else 0
        most = start + longest
        end = len(text) if most >= len(text) else _last_boundary(text, fresh, most)
        pieces.append(Piece(start, fresh, end))
        fresh = end
    return tuple(pieces)


def halves(text: str, piece: Piece, overlap: int) -> tuple[Piece, Piece] | None:
    """A piece as two of about half its size, for an annotator that refused it as too long; None where it is too short
    to be cut so."""
    half = (piece.end - piece.fresh) // 2
    if half < 2 * overlap or half < 2:
        return None
    middle = _last_boundary(text, piece.fresh, piece.fresh + half)
    if not piece.fresh < middle < piece.end:
        return None
    return Piece(piece.start, piece.fresh, middle), Piece(_overlap_start(text, middle, overlap), middle, piece.end)


def _last_boundary(text: str, low: int, most: int) -> int:
    """Where a stretch that begins at `low` ends, at `most` at the latest."""
    start = max(low, most - max(1, int(_TAIL * (most - low))))
    for boundary in _BOUNDARIES:
        last = None
        # one character more is seen, so that a boundary right at the end is one, and looked-ahead words too
        for found in boundary.finditer(text, start, min(len(text), most + 16)):
            if low < found.end() <= most:
                last = found.end()
        if last is not None:
            return last
    return most


def _overlap_start(text: str, fresh: int, overlap: int) -> int:
    """The first boundary of the best kind in the `overlap` characters before `fresh`."""
    low = max(0, fresh - overlap)
    if low == fresh:
        return fresh
    for boundary in _BOUNDARIES:
        for found in boundary.finditer(text, max(0, low - 2), fresh):
            if low <= found.end() < fresh:
                return found.end()
    return low
