"""Characters that look like the plain ones which a marker is written in: other hyphens, spaces, brackets, digits."""

from __future__ import annotations

_ALIKE = {
    "-": "‐‑‒–—―−﹣－⁃",
    " ": "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    ":": "：﹕︰∶꞉",
    "[": "【［〔〖「『〚",
    "]": "】］〕〗」』〛",
    "(": "（﹙",
    ")": "）﹚",
    "#": "＃",
    "/": "／∕⁄",
    ".": "．",
    "*": "＊∗",
    "_": "＿",
    "|": "｜",
}
_FOLD = str.maketrans(
    {other: plain for plain, others in _ALIKE.items() for other in others}
    | {chr(0xFF10 + digit): str(digit) for digit in range(10)}
    | {chr(0xFF21 + n): chr(65 + n) for n in range(26)}
    | {chr(0xFF41 + n): chr(97 + n) for n in range(26)}
)
INVISIBLE = frozenset("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff")
"""Characters without width, which a person does not see inside a marker."""


def folded(text: str) -> str:
    """The text with every such character replaced by its plain one: as long as before."""
    return text.translate(_FOLD)


def visible(text: str) -> tuple[str, list[int] | None]:
    """The text without invisible characters, and where each of its characters stood; None where none was left out."""
    if INVISIBLE.isdisjoint(text):
        return text, None
    places = [place for place, character in enumerate(text) if character not in INVISIBLE]
    return "".join(text[place] for place in places), places
