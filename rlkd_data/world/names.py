"""The words of the world that settings name too. It imports nothing, so that a page of help is there at once."""

from __future__ import annotations

from typing import Literal, get_args

Style = Literal["first", "second", "mixed", "upward"]
"""How a teacher works. first: the part that a thing starts from before the other; second: the other way round; mixed:
by chance at each choice; upward: whatever can be worked out and is needed, in the order of the problem's text."""
STYLES: tuple[Style, ...] = get_args(Style)
Operation = Literal["plus", "less"]
OPERATIONS: tuple[Operation, ...] = get_args(Operation)
"""What the weight of a thing's second part is to that of its first."""
