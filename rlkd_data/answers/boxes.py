r"""`\boxed{…}` in a text: the last one, or the last several where together they are one answer. Pure, and linear."""

from __future__ import annotations

import re
from dataclasses import dataclass

_BOXED = re.compile(r"(?:\\{1,4}(?:boxed|fbox)|\x08oxed)\s*\{")
"""`\\b` in a text that was read as JSON without need is a backspace."""
_BOX_PART = re.compile(rf"(?P<box>{_BOXED.pattern})|\\.|[{{}}]", re.DOTALL)
_WORDS = ("oxed", "fbox")
"""One of them stands in each box; they are found in a hundredth of the time that the pattern takes."""
_GAP = 60
"""Characters between two boxes that may be one answer."""
_WITHDRAWN = re.compile(
    r"\b(?:wait|no|not|but|actually|instead|rather|sorry|correction|hmm|oops|so|then|therefore|thus|hence|check|final"
    r"|answer|however|alternatively|that is|which is|equals?|approximately)\b|[.?!。？！](?:\s|$)|不|错"
    r"|等|所以|因此|最终"
    r"|=\s*$"
    r"|\\approx|≈|\\implies|\\Rightarrow",
    re.IGNORECASE,
)
"""Between two boxes, a sign that the second takes the first one's place, or follows from it."""
_LABEL = re.compile(r"[\\$({\s]*[A-Za-z]\w*(?:_\{?\w+\}?)?(?:\([^()]*\))?\s*=\s*[\\$({\s]*$")
_SETTING = re.compile(r"\\(?:text|mathrm|quad|qquad|left|right|[()\[\],;:! ])|[${}\s]|\\\\|\*")
_BETWEEN = re.compile(r"(?:and|or|et|und|y|和|与|或|及|以及|[,;&、，；])+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Box:
    """What stands in a box, without space at its ends; `start` and `end` are those of the whole. `closed`: its braces
    are balanced."""

    content: str
    start: int
    end: int
    closed: bool = True


def boxes(text: str) -> list[Box]:
    """The outermost boxes in order, one that is never closed among them."""
    if not any(word in text for word in _WORDS):
        return []
    open_braces: list[tuple[int, int] | None] = []  # for each open brace the start of a box and of its content
    found: list[Box] = []
    for part in _BOX_PART.finditer(text):
        if part["box"]:
            open_braces.append((part.start(), part.end()))
        elif part[0] == "{":
            open_braces.append(None)
        elif part[0] == "}" and open_braces:
            place = open_braces.pop()
            if place is not None:
                while found and found[-1].start > place[0]:
                    found.pop()  # it stands in this one
                found.append(Box(text[place[1] : part.start()].strip(), place[0], part.end()))
    cut = next((place for place in open_braces if place is not None), None)
    if cut is not None:
        found = [box for box in found if box.end <= cut[0]]
        found.append(Box(text[cut[1] :].strip(), cut[0], len(text), closed=False))
    return found


def last_answer(text: str, found: list[Box]) -> str | None:
    """What the last box says, with those before it that are one answer with it: `3, 5`. None where the last one is
    empty or cut off, whatever stood in an earlier one: that was withdrawn."""
    if not found or not found[-1].closed or not found[-1].content:
        return None
    together = [found[-1].content]
    for one, after in zip(reversed(found[:-1]), reversed(found[1:]), strict=True):
        if not one.content or not _adjoin(text[one.end : after.start]):
            break
        together.insert(0, one.content)
    distinct = list(dict.fromkeys(together))
    return ", ".join(distinct)


def _adjoin(gap: str) -> bool:
    if len(gap) > _GAP or _WITHDRAWN.search(_LABEL.sub(" ", gap)):
        return False
    bare = _SETTING.sub(" ", _LABEL.sub(" ", gap)).strip()
    if not bare:
        return True
    words = bare.replace(",", " , ").split()
    return any(_BETWEEN.fullmatch(word) for word in words) and sum(not _BETWEEN.fullmatch(word) for word in words) <= 2
