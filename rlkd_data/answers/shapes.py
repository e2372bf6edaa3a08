"""What an answer can be once it is read. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from rlkd_data.answers.numbers import Number
from rlkd_data.answers.units import Counted, Unit


@dataclass(frozen=True, slots=True)
class Scalar:
    """One number or formula, perhaps with a unit or what was counted. `text` is the formula without them, as LaTeX.

    `loose`: the unit is one letter right behind the number, and may be a variable (`3m`); `text` then holds it.
    `compound`: put together of several units (`2 h 30 min`), the number in the unit's base.
    """

    text: str
    number: Number | None = None
    unit: Unit | None = None
    counted: Counted | None = None
    loose: bool = False
    compound: bool = False


@dataclass(frozen=True, slots=True)
class Several:
    """Several answers, a set, a tuple or an interval, by its brackets (none: a bare list). `text` is the cleaned text;
    `joint` is what stands between the items."""

    items: tuple[Shape, ...]
    opening: str = ""
    closing: str = ""
    text: str = ""
    joint: str = ","

    @property
    def ordered(self) -> bool:
        return self.opening in ("(", "[", "<", "]")


@dataclass(frozen=True, slots=True)
class Union:
    parts: tuple[Shape, ...]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """`x = 3`, `Alice: 3`: what stands for the name. `text` is the whole as LaTeX."""

    name: str
    of: Shape
    text: str = ""


@dataclass(frozen=True, slots=True)
class Relation:
    """An equation, an inequality or a chain of them that only a formula's reader understands."""

    sides: tuple[str, ...]
    signs: tuple[str, ...]
    text: str

    @property
    def name(self) -> str:
        """The variable that an inequality bounds, as `interval_of` finds it; empty where there is none."""
        plain = [side for side in self.sides if side.strip("\\").isalpha() and len(side) <= 2]
        return plain[0] if len(plain) == 1 else ""

    @property
    def equation(self) -> bool:
        return set(self.signs) == {"="}


@dataclass(frozen=True, slots=True)
class Matrix:
    rows: tuple[tuple[Shape, ...], ...]
    text: str


@dataclass(frozen=True, slots=True)
class Ratio:
    """`3:5`, or a time of day; `half` is am or pm where it is told."""

    parts: tuple[Number, ...]
    half: str | None = None
    clock: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """Nothing but words, folded, without articles."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words with numbers in them, too short to be a sentence: `Room 12`, `Monday at 3 pm`. Its tokens, folded."""

    tokens: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Prose:
    """What is not read: sentences, or formulas between words."""

    text: str


Shape: TypeAlias = Scalar | Several | Union | Named | Relation | Matrix | Ratio | Words | Phrase | Prose
