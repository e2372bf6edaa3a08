"""Numbers with units, ratios and times compared. Pure; formulas are put to an engine."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

from rlkd_data.answers.numbers import Number
from rlkd_data.answers.rounding import asks_decimal, rounded
from rlkd_data.answers.shapes import Ratio, Scalar, Shape
from rlkd_data.answers.units import CHANGING, PERCENT, UNITS, Counted, Unit

_MONEY = frozenset(name for sign in "$€£¥₹" for name, _ in UNITS[sign].dimensions)
_BASE = re.compile(r"(\w+)_\{?(\d+)\}?")


class Engine(Protocol):
    """Compares formulas, as LaTeX. None: it cannot read one of them."""

    def equal(self, one: str, other: str) -> bool | None: ...

    def relations(self, one: str, other: str) -> bool | None: ...

    def value(self, formula: str) -> Fraction | None: ...


@dataclass(slots=True)
class Scalars:
    """Compares numbers and formulas. `why` collects what was decisive, in the order in which it was found."""

    engine: Engine
    problem: str | None = None
    why: list[str] = field(default_factory=list)

    def _ratios(self, gold: Shape, answer: Shape) -> bool | None:  # noqa: PLR0911 - a kind each
        if isinstance(gold, Ratio) and isinstance(answer, Ratio):
            if gold.half and answer.half and gold.half != answer.half:
                return self._say(_hours(gold) == _hours(answer), "time")
            one, other = [part.value for part in gold.parts], [part.value for part in answer.parts]
            if bool(gold.half) != bool(answer.half) and one != other:
                return self._say(_hours(gold) == _hours(answer), "time")
            if one == other or gold.half:
                return self._say(one == other, "ratio")
            scaled = (
                len(one) == len(other)
                and len({(a * other[0], b * one[0]) for a, b in zip(one, other, strict=True)})
                and all(a * other[0] == b * one[0] for a, b in zip(one, other, strict=True))
            )
            return self._say((None if gold.clock and answer.clock else True) if scaled else False, "ratio")
        ratio, other_ = (gold, answer) if isinstance(gold, Ratio) else (answer, gold)
        assert isinstance(ratio, Ratio)
        if not isinstance(other_, Scalar) or ratio.half:
            return self._say(False, "a ratio and none")
        if ratio.clock and other_.compound and other_.unit and other_.unit.dimensions == UNITS["hour"].dimensions:
            return self._say(None, "a time or a duration")
        pair = len(ratio.parts) == 2 and other_.number is not None and not other_.unit
        if pair and other_.number and ratio.parts[0].value == other_.number.value * ratio.parts[1].value:
            return self._say(None if ratio.clock else True, "ratio")
        return self._say(False, "a ratio and none")

    def _scalars(self, gold: Shape, answer: Shape) -> bool | None:  # noqa: PLR0911 - a kind each
        assert isinstance(gold, Scalar) and isinstance(answer, Scalar)
        for one, other in ((gold, answer), (answer, gold)):
            if one.loose and other.unit is None:
                same = one.number is not None and other.number is not None and one.number.value == other.number.value
                if other.number is not None:
                    return self._say(None if same else False, "a unit or a variable")
                return self._engine_equal(gold.text, answer.text)
        if (based := _based(gold.text, answer.text)) is not None:
            return self._say(*based)
        if _changed(gold) != _changed(answer):
            return self._say(None, "what was counted")
        if gold.unit and answer.unit:
            return self._measures(gold, gold.unit, answer, answer.unit)
        unit = gold.unit or answer.unit
        if unit == UNITS["°"] and "\\pi" in gold.text + answer.text:
            degrees, plain = (gold, answer) if gold.unit else (answer, gold)
            radians = self._engine_equal(f"\\frac{{({degrees.text})\\pi}}{{180}}", plain.text)
            return self._say(None, "units") if radians else self._values(gold, answer)
        if unit == PERCENT:
            return self._percent(gold, answer)
        found = self._values(gold, answer)
        if (gold.compound or answer.compound) and unit is not None:
            return self._say(None if self._in_another_unit(gold, answer, unit) else False, "units")
        if found is False and unit is not None and unit.exchanged and self._in_another_unit(gold, answer, unit):
            return self._say(None, "units")
        if found and gold.counted and answer.counted and not _same_things(gold.counted, answer.counted):
            return self._say(None, "what was counted")
        if found and (gold.counted or answer.counted) and unit is not None and unit != UNITS["$"]:
            return self._say(None, "units")
        return found

    def _in_another_unit(self, gold: Scalar, answer: Scalar, unit: Unit) -> bool:
        """Whether a number without a unit is the other one in another unit: 300 for 5 hours."""
        measured, plain = (gold, answer) if gold.unit else (answer, gold)
        if measured.number is None or plain.number is None:
            return False
        value, base = plain.number.value, measured.number.value * unit.factor
        return any(value * one.factor == base for one in UNITS.values() if one.dimensions == unit.dimensions)

    def _measures(self, gold: Scalar, unit: Unit, answer: Scalar, other: Unit) -> bool | None:
        if unit == other or _rate_unsaid(unit, other):
            return self._values(gold, answer)
        if {unit.dimensions, other.dimensions} == {UNITS["°"].dimensions, UNITS["rad"].dimensions}:
            return self._say(None, "units")
        if unit.dimensions != other.dimensions or gold.number is None or answer.number is None:
            same = unit.dimensions == other.dimensions and not self._values(gold, answer)
            return self._say(None if same else False, "units")
        left, right = gold.number.value * unit.factor, answer.number.value * other.factor
        if left != right:
            return self._say(False, "units")
        plain = gold.compound or answer.compound or unit.exchanged
        return self._say(True if plain else None, "units")

    def _percent(self, gold: Scalar, answer: Scalar) -> bool | None:
        percent, plain = (gold, answer) if gold.unit == PERCENT else (answer, gold)
        if percent.number is None or plain.number is None:
            found = self._values(gold, answer)
            return found if found else self._engine_equal(f"\\frac{{{percent.text}}}{{100}}", plain.text)
        if percent.number.value == plain.number.value * 100:
            return self._say(True, "percent")
        asked = re.search(r"percent|%|百分", self.problem or "") is not None
        if percent.number.value == plain.number.value and percent.number.value:
            return self._say(True if abs(plain.number.value) > 1 or asked else None, "percent")
        if asks_decimal(self.problem):
            hundredth = Number(percent.number.value / 100, (percent.number.places or 0) + 2)
            pair = (hundredth, plain.number) if percent is gold else (plain.number, hundredth)
            return self._values_of(gold, answer, *pair) or self._values(gold, answer)
        return self._values(gold, answer)

    def _values(self, gold: Scalar, answer: Scalar) -> bool | None:
        return self._values_of(gold, answer, gold.number, answer.number)

    def _values_of(self, gold: Scalar, answer: Scalar, left: Number | None, right: Number | None) -> bool | None:
        if left is not None and right is not None:
            if left.value == right.value:
                return self._say(True, "number")
            return self._say(rounded(left, right, self.problem), "number")
        found = self._engine_equal(gold.text, answer.text)
        if found is not False or not ((left and left.rounded) or (right and right.rounded)):
            return found
        one, other = (value or self._number(scalar.text) for value, scalar in ((left, gold), (right, answer)))
        if one is None or other is None:
            return found
        return self._say(rounded(one, other, self.problem), "rounded")

    def _number(self, formula: str) -> Number | None:
        value = self.engine.value(formula)
        return None if value is None else Number(value)

    def _engine_equal(self, one: str, other: str) -> bool | None:
        if one != other and one.lower() == other.lower():
            return self._say(None, "capital and small letters")
        found = self.engine.equal(one, other)
        return self._say(found, "math-verify" if found is not None else "a formula that is not read")

    def _say(self, verdict: bool | None, why: str) -> bool | None:
        self.why.append(why)
        return verdict


def _rate_unsaid(one: Unit, other: Unit) -> bool:
    """Whether one is money and the other the same money in a time: $5 may be meant a day."""
    left, right = dict(one.dimensions), dict(other.dimensions)
    money = [name for name in left.keys() & right.keys() if name in _MONEY]
    return len(money) == 1 and {len(left), len(right)} == {1, 2} and "s" in left.keys() ^ right.keys()


def _changed(one: Scalar) -> frozenset[str]:
    return one.counted.words & CHANGING if one.counted else frozenset()


def _based(gold: str, answer: str) -> tuple[bool | None, str] | None:
    """Numbers of which one is written in a base (`101_2`): the same digits in the same one; the same value is open, and
    so are the same digits without a base. None where none is."""
    found = [_BASE.fullmatch(text.strip()) for text in (gold, answer)]
    if not any(found):
        return None
    digits = [one[1] if one else text.strip() for one, text in zip(found, (gold, answer), strict=True)]
    bases = [int(one[2]) if one else 10 for one in found]
    if all(found) and (digits[0] == digits[1]) and bases[0] == bases[1]:
        return True, "number"
    try:
        values = [int(one, base) for one, base in zip(digits, bases, strict=True)]
    except ValueError:
        return None, "bases"
    same = values[0] == values[1] or (not all(found) and digits[0] == digits[1])
    return (None if same else False), "bases"


def _same_things(one: Counted, other: Counted) -> bool:
    return bool(one.words & other.words)


def _hours(time: Ratio) -> Fraction:
    hour = time.parts[0].value
    if time.half:
        hour = hour % 12 + (12 if time.half == "pm" else 0)
    return hour + time.parts[1].value / 60
