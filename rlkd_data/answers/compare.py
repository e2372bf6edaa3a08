"""Whether two answers are the same: yes, no, or open, with the reason. Pure; formulas are put to an engine.

The verdict does not depend on which of the two is gold, but for one thing: a decimal agrees within gold's own digits,
where the problem asks for a decimal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from rlkd_data.answers.numbers import number, with_decimal_comma
from rlkd_data.answers.phrases import may_say, same_phrases, same_words
from rlkd_data.answers.quantities import quantity, tokens
from rlkd_data.answers.read import interval_of, read
from rlkd_data.answers.scalars import Scalars
from rlkd_data.answers.shapes import Matrix, Named, Phrase, Prose, Ratio, Relation, Scalar, Several, Shape, Union, Words
from rlkd_data.answers.typeset import bare

PART = "a part and the whole"
A_SIDE = "an equation and a side of it"
"""Why an equation and a formula differ, where whoever knows the question may see that they do not: it was its side."""
_ENDLESS = re.compile(r"\\(?:sum|prod|int|lim)(?![A-Za-z])")
_BOTH = ("and", "land", "wedge", "且")
_ENDLESS_UP, _ENDLESS_DOWN = Scalar("\\infty"), Scalar("-\\infty")
_MOST_MATCHED = 40
"""Items of two unordered lists that are matched one by one."""


class Comparison(Scalars):
    """Compares answers to one problem."""

    __slots__ = ()

    def same(self, gold: Shape, answer: Shape) -> bool | None:  # noqa: PLR0911, PLR0912 - a kind each
        """Whether two answers are the same; None where that is open."""
        if gold == answer and not isinstance(gold, (Prose, Phrase)):
            return self._say(True, "words" if isinstance(gold, Words) else "equal")
        if isinstance(gold, Prose) or isinstance(answer, Prose):
            return self._say(None, "prose")
        gold, answer = self._result(gold), self._result(answer)
        if isinstance(gold, Named) or isinstance(answer, Named):
            return self._named(gold, answer)
        if _bound_apart(gold, answer):
            return self._say(None, "bounds of two variables")
        if isinstance(gold, Relation) and not gold.equation and (found := interval_of(gold)) is not None:
            gold = found
        if isinstance(answer, Relation) and not answer.equation and (found := interval_of(answer)) is not None:
            answer = found
        if isinstance(gold, Relation) or isinstance(answer, Relation):
            return self._relations(gold, answer)
        if isinstance(gold, (Words, Phrase)) or isinstance(answer, (Words, Phrase)):
            return self._texts(gold, answer)
        if isinstance(gold, Several) and (joined := _joined(gold)) is not None:
            gold = joined
        if isinstance(answer, Several) and (joined := _joined(answer)) is not None:
            answer = joined
        if isinstance(gold, Union) or isinstance(answer, Union):
            return self._unions(gold, answer)
        if isinstance(gold, Matrix) or isinstance(answer, Matrix):
            return self._matrices(gold, answer)
        if isinstance(gold, Several) or isinstance(answer, Several):
            return self._severals(gold, answer)
        if isinstance(gold, Ratio) or isinstance(answer, Ratio):
            return self._ratios(gold, answer)
        return self._scalars(gold, answer)

    # --- names and relations

    def _named(self, gold: Shape, answer: Shape) -> bool | None:
        if isinstance(gold, Named) and isinstance(answer, Named):
            answer = _in_its_variable(gold, answer)
            inner = self.same(gold.of, answer.of)
            if inner is False and _letter(gold.name) and _letter(answer.name) and gold.text and answer.text:
                return self._engine_relations(gold.text, answer.text) is True
            if inner is not True or _alike(gold.name, answer.name):
                return inner
            return self._say(None, f"values of {gold.name} and of {answer.name}")
        named, other = (gold, answer) if isinstance(gold, Named) else (answer, gold)
        assert isinstance(named, Named)
        if isinstance(other, Relation) and other.equation:
            return self._engine_relations(named.text, other.text)
        if named is gold:
            return self.same(named.of, answer)
        return self.same(gold, named.of)

    def _result(self, shape: Shape) -> Shape:
        """What an equation comes to that holds for all values, as a calculation does: `3(x - 2) + 4 = 3x - 2` is
        3x - 2. To math-verify all of these are one."""
        if not isinstance(shape, Relation) or not shape.equation or _ENDLESS.search(shape.text):
            return shape
        held = all(self.engine.equal(one, other) is True for one, other in pairwise(shape.sides))
        return read(shape.sides[-1]) if held else shape

    def _relations(self, gold: Shape, answer: Shape) -> bool | None:
        if isinstance(gold, Relation) and isinstance(answer, Relation):
            return self._engine_relations(gold.text, answer.text)
        relation, other = (gold, answer) if isinstance(gold, Relation) else (answer, gold)
        assert isinstance(relation, Relation)
        if relation.equation:
            if isinstance(other, Scalar):
                return self._claimed(relation, gold, answer)
            return self._say(None if isinstance(other, (Several, Union)) else False, "an equation and none")
        if isinstance(other, (Several, Union)):
            found = self._engine_relations(relation.text, other.text)
            return found if found else self._say(None, "a relation and a set")
        return self._say(False, "a relation and none")

    def _claimed(self, relation: Relation, gold: Shape, answer: Shape) -> bool | None:
        """`a + b = 10` answers what a + b is, where that was asked."""
        asked = re.sub(r"[\s$]|\\[,;! ]", "", self.problem or "")
        if len(relation.sides) >= 2 and re.sub(r"\s", "", relation.sides[0]) in asked:
            value = Scalar(relation.sides[-1])
            inside = read(relation.sides[-1])
            value = inside if isinstance(inside, Scalar) else value
            return self.same(value, answer) if gold is relation else self.same(gold, value)
        other = answer if gold is relation else gold
        return self._say(
            False, A_SIDE if any(_is_side(side, other) for side in relation.sides) else "an equation and none"
        )

    def _engine_relations(self, one: str, other: str) -> bool | None:
        found = self.engine.relations(one, other)
        return self._say(found, "math-verify" if found is not None else "a relation that is not read")

    # --- words

    def _texts(self, gold: Shape, answer: Shape) -> bool | None:  # noqa: PLR0911 - a kind each
        if isinstance(gold, Words) and isinstance(answer, Words):
            return self._say(same_words(gold.words, answer.words), "words")
        if isinstance(gold, (Words, Phrase)) and isinstance(answer, (Words, Phrase)):
            left, right = (one.words if isinstance(one, Words) else one.tokens for one in (gold, answer))
            return self._say(same_phrases(left, right), "phrases")
        text, other = (gold, answer) if isinstance(gold, (Words, Phrase)) else (answer, gold)
        if isinstance(text, Phrase) and isinstance(other, Several) and (inside := tokens(bare(other.text))):
            return self._say(same_phrases(text.tokens, inside), "phrases")
        if isinstance(other, Several) and any(isinstance(item, (Words, Phrase)) for item in other.items):
            apposition = len(other.items) == 2 and other.joint == "," and isinstance(text, Words)
            return self._say(None if apposition else False, PART)
        if isinstance(text, Phrase):
            return self._say(None, "phrases")
        if isinstance(other, (Scalar, Several, Union, Matrix, Ratio)) and isinstance(text, Words):
            lone = isinstance(other, Scalar) and other.number is None and may_say(text.words, other.text)
            return self._say(None if lone else False, "words and none")
        return self._say(None, "phrases")

    # --- several

    def _severals(self, gold: Shape, answer: Shape) -> bool | None:  # noqa: PLR0911, PLR0912 - a kind each
        if not (isinstance(gold, Several) and isinstance(answer, Several)):
            several, other = (gold, answer) if isinstance(gold, Several) else (answer, gold)
            assert isinstance(several, Several)
            comma = _with_decimal_comma(several)
            if comma is not None and isinstance(other, Scalar) and other.number is not None:
                return self._scalars(comma, other) if several is gold else self._scalars(other, comma)
            point = re.fullmatch(r"-?\d+,\d", several.text)
            if point and isinstance(other, Scalar) and other.number == number(several.text.replace(",", ".")):
                return self._say(None, "a list or a decimal comma")
            return self._say(False, PART)
        if gold.ordered and answer.ordered:
            if len(gold.items) != len(answer.items):
                return self._say(False, "parts")
            if len(gold.items) == 2 and (gold.opening, gold.closing) != (answer.opening, answer.closing):
                return self._say(False, "open and closed ends")
            return self._each(gold.items, answer.items)
        if gold.ordered or answer.ordered:
            if len(gold.items) != len(answer.items):
                return self._say(False, "parts")
            found = self._each(gold.items, answer.items)
            if found is True and "{" not in (gold.opening, answer.opening):
                return True
            if found is not False:
                return self._say(None, "a set and a tuple")
            loose = self._matched(gold.items, answer.items)
            return self._say(False if loose is False else None, "order")
        if (things := _things(gold.items)) and (others := _things(answer.items)) and things.keys() == others.keys():
            return _all(self.same(things[name], others[name]) for name in things)
        if _all_named(gold.items) and _all_named(answer.items):
            return self._by_name(gold.items, answer.items)
        if _all_named(gold.items) or _all_named(answer.items):
            found = self._each(gold.items, answer.items) if len(gold.items) == len(answer.items) else False
            if found is not False:
                return found
            loose = self._matched(_unnamed(gold.items), _unnamed(answer.items))
            return self._say(False if loose is False else None, "order")
        sets = gold.opening == answer.opening == "{"
        return self._matched(gold.items, answer.items, sets=sets)

    def _each(self, gold: Sequence[Shape], answer: Sequence[Shape]) -> bool | None:
        return _all(self.same(one, other) for one, other in zip(gold, answer, strict=True))

    def _by_name(self, gold: Sequence[Shape], answer: Sequence[Shape]) -> bool | None:
        left = {one.name: one.of for one in gold if isinstance(one, Named)}
        right = {one.name: one.of for one in answer if isinstance(one, Named)}
        if len(left) == len(gold) and left.keys() == right.keys() and len(right) == len(answer):
            return _all(self.same(left[name], right[name]) for name in left)
        found = self._matched(_unnamed(gold), _unnamed(answer))
        return self._say(None, "names") if found and left.keys() != right.keys() else found

    def _matched(self, gold: Sequence[Shape], answer: Sequence[Shape], *, sets: bool = False) -> bool | None:
        """Whether each item has one of its own that is the same, in any order. One that stands twice may stand once,
        in shorter lists and in sets."""
        if max(len(gold), len(answer)) > _MOST_MATCHED:
            return self._each(gold, answer) if len(gold) == len(answer) else self._say(False, "parts")
        table = [[self.same(one, other) for other in answer] for one in gold]
        covered = all(any(row) for row in table) and all(any(column) for column in zip(*table, strict=True))
        if covered:
            pairs = isinstance(gold[0], Several)
            if len(gold) == len(answer) and not (pairs or sets or _one_to_one(table)):
                return self._say(False, "parts")
            return self._say(True if len(gold) == len(answer) or pairs else None, "parts")
        possible = all(any(cell is not False for cell in row) for row in table) and all(
            any(cell is not False for cell in column) for column in zip(*table, strict=True)
        )
        return self._say(None if possible and len(gold) == len(answer) else False, "parts")

    def _unions(self, gold: Shape, answer: Shape) -> bool | None:
        if not isinstance(gold, (Union, Several)) or not isinstance(answer, (Union, Several)):
            return self._say(False, "a set and none")
        parts = [one.parts if isinstance(one, Union) else (one,) for one in (gold, answer)]
        if len(parts[0]) == len(parts[1]) and self._matched(*parts):
            return True
        if gold.text and answer.text and (found := self.engine.relations(gold.text, answer.text)) is not None:
            return self._say(found, "math-verify")
        return self._say(False if len(parts[0]) == len(parts[1]) else None, "unions")

    def _matrices(self, gold: Shape, answer: Shape) -> bool | None:
        if isinstance(gold, Matrix) and isinstance(answer, Matrix):
            if [len(row) for row in gold.rows] != [len(row) for row in answer.rows]:
                return self._say(False, "matrices of other sizes")
            return _all(self._each(one, other) for one, other in zip(gold.rows, answer.rows, strict=True))
        matrix, other = (gold, answer) if isinstance(gold, Matrix) else (answer, gold)
        assert isinstance(matrix, Matrix)
        cells = tuple(cell for row in matrix.rows for cell in row)
        if isinstance(other, Several):
            if len(matrix.rows) > 1 and all(isinstance(item, Several) for item in other.items):
                rows = [item.items for item in other.items if isinstance(item, Several)]
                fits = [len(row) for row in rows] == [len(row) for row in matrix.rows]
                return _all(map(self._each, matrix.rows, rows)) if fits else self._say(False, "matrices")
            vector = len(matrix.rows) == 1 or all(len(row) == 1 for row in matrix.rows)
            fits = vector and other.ordered and len(cells) == len(other.items)
            return self._each(cells, other.items) if fits else self._say(False, "a matrix and none")
        if (isinstance(other, Scalar) and "matrix" in other.text) or (
            isinstance(other, Scalar) and "array" in other.text
        ):
            return self._engine_equal(matrix.text, other.text)
        return self._say(False, "a matrix and none")


def _is_side(side: str, other: Shape) -> bool:
    inside = read(side)
    if not isinstance(inside, Scalar) or not isinstance(other, Scalar):
        return False
    return inside.text == other.text or (inside.number is not None and inside.number == other.number)


def _one_to_one(table: Sequence[Sequence[bool | None]]) -> bool:
    """Whether each row can have a column of its own in which it is not known to differ."""
    taken: dict[int, int] = {}

    def place(row: int, tried: set[int]) -> bool:
        for column, cell in enumerate(table[row]):
            if cell is not False and column not in tried:
                tried.add(column)
                if column not in taken or place(taken[column], tried):
                    taken[column] = row
                    return True
        return False

    return all(place(row, set()) for row in range(len(table)))


def _all(verdicts: Iterable[bool | None]) -> bool | None:
    found: bool | None = True
    for verdict in verdicts:
        if verdict is False:
            return False
        found = None if verdict is None else found
    return found


def _joined(several: Several) -> Shape | None:
    """`x < 1 or x > 3` as a union of intervals."""
    if several.opening or not all(isinstance(item, Relation) and not item.equation for item in several.items):
        return None
    parts = tuple(interval_of(item) for item in several.items if isinstance(item, Relation))
    known = tuple(part for part in parts if part is not None)
    if len(known) < len(parts):
        return None
    if several.joint in _BOTH and len({item.name for item in several.items if isinstance(item, Relation)}) == 1:
        return _between(known)
    if several.joint == "or":
        text = " \\cup ".join(part.text for part in known if isinstance(part, (Several, Union)))
        return Union(known, text if all(isinstance(part, Several) for part in known) else "")
    return None


def _between(parts: Sequence[Shape]) -> Shape | None:
    """The interval of `x > 2 and x < 5`: one with no upper end and one with no lower; None of others."""
    if len(parts) != 2 or not all(isinstance(part, Several) for part in parts):
        return None
    low, high = (part for part in parts if isinstance(part, Several))
    if high.items[1] == _ENDLESS_UP:
        low, high = high, low
    if low.items[1] != _ENDLESS_UP or high.items[0] != _ENDLESS_DOWN:
        return None
    return Several((low.items[0], high.items[1]), low.opening, high.closing)


def _bound_apart(gold: Shape, answer: Shape) -> bool:
    """Whether two inequalities are about two variables."""
    if not isinstance(gold, Relation) or not isinstance(answer, Relation) or gold.equation or answer.equation:
        return False
    return bool(gold.name and answer.name) and gold.name != answer.name


def _things(items: Sequence[Shape]) -> dict[frozenset[str], Scalar]:
    """Numbers by what each counts, where all count something else; empty otherwise."""
    found = {item.counted.words: item for item in items if isinstance(item, Scalar) and item.counted}
    return found if len(found) == len(items) else {}


def _with_decimal_comma(several: Several) -> Scalar | None:
    """`2,74 $` as one number, where it can be no list."""
    found = re.fullmatch(r"(?P<before>[$€£¥]?\s*)(?P<number>-?[\d. ]+,\d+)(?P<behind>\D*)", several.text)
    if found is None or several.opening or (value := with_decimal_comma(found["number"].strip())) is None:
        return None
    scalar = quantity(f"{found['before']}1{found['behind']}") or Scalar("1")
    return Scalar(found["number"], value, scalar.unit, scalar.counted)


def _all_named(items: Sequence[Shape]) -> bool:
    return bool(items) and all(isinstance(item, Named) for item in items)


def _unnamed(items: Sequence[Shape]) -> tuple[Shape, ...]:
    return tuple(item.of if isinstance(item, Named) else item for item in items)


def _in_its_variable(gold: Named, answer: Named) -> Named:
    """`f(t) = t^2` as `f(x) = x^2`, where gold is about f(x)."""
    names = [re.fullmatch(r"(\w+)\(([a-z])\)", one.name) for one in (gold, answer)]
    if not names[0] or not names[1] or names[0][1] != names[1][1] or not isinstance(answer.of, Scalar):
        return answer
    old, new = names[1][2], names[0][2]
    if old == new or re.search(rf"(?<![\\A-Za-z]){new}(?![A-Za-z])", answer.of.text):
        return answer
    return Named(gold.name, Scalar(re.sub(rf"(?<![\\A-Za-z]){old}(?![A-Za-z])", new, answer.of.text)), answer.text)


def _letter(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z]|\\[a-z]+", name) is not None


def _alike(one: str, other: str) -> bool:
    """Whether two names may stand for the same: `f(x)` and `f(y)`, `y` and `f(x)`, a word and a letter."""
    heads = [re.split(r"[(_]", name)[0].casefold() for name in (one, other)]
    return heads[0] == heads[1] or ("(" in one) != ("(" in other) or (len(heads[0]) > 2) != (len(heads[1]) > 2)
