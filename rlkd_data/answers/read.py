"""An answer's text to what it is: a number with its unit, several answers, an interval, an equation, words. Pure.

Nothing is taken out of the text to be the answer: what does not fit as a whole is prose.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rlkd_data.answers.numbers import number
from rlkd_data.answers.quantities import CHUNK, compound, is_formula, quantity, tokens, words
from rlkd_data.answers.shapes import Matrix, Named, Phrase, Prose, Ratio, Relation, Scalar, Several, Shape, Union, Words
from rlkd_data.answers.typeset import CLOSE, OPEN, bare, clean, enclosed, latex, split
from rlkd_data.answers.units import unit_of

_LONGEST = 4000
"""Characters beyond which a text is prose."""
_DEEPEST = 8
_WORD_BETWEEN = "and|or|et|und|oder|ou"
_A_PART = r"\s(?:a|one)\s(?:half|third|quarter)\b"
"""`two and a half` is one number."""
_STRONG = re.compile(
    rf"\s*;\s*|\s*,?\s*{OPEN}\s*(?:{_WORD_BETWEEN}|和|或者?|与)\s*{CLOSE}\s*|\s*,?\s*(?<![A-Za-z\\])(?:{_WORD_BETWEEN})(?![A-Za-z]|{_A_PART})\s*"
    r"|(?<=[\d)}\]])(?:or|and)(?=[\dA-Za-z(\\-])|\s*(?:以及|和|或者|或|与|及)\s*|\s*\\(?:lor|land|vee|wedge|text\{or\})(?![A-Za-z])\s*"
    r"|\s*\n\s*|\s*(?<!\\)&\s*"
)
_COMMA = re.compile(r"\s*,\s*")
_LISTING_COMMA = re.compile(r"\s*,(?=\s)\s*|\s*(?<!\d),\s*|\s*,(?!\d{3}(?!\d))\s*")
_SENTENCE = re.compile(
    r"(?<![\\A-Za-z])(?:is|are|was|were|we|it|its|that|which|therefore|so|thus|hence|find|found|has|have|had|must|will|would|can|our|you|they|he|she"
    r"|est|donc|there|then|when|if|because|since|let)(?![A-Za-z])|因此|所以|我们|如果|可以|一共|总共|\u0647\u0648",
    re.IGNORECASE,
)
"""Words of sentences."""
_CUP = re.compile(r"\s*\\cup(?![A-Za-z])\s*")
_SIGNS = re.compile(
    r":=|\\(?:le|ge|ne|in|approx|sim|equiv|to|rightarrow|implies)(?![A-Za-z])|(?<![-=])[<>=](?!=)|==|\\not\\in"
)
_CLOCK = re.compile(r"(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::\d{2})?)?\s*(?P<half>[ap]\.?\s?m\.?)", re.IGNORECASE)
_RATIO = re.compile(r"[^:]+(?::[^:]+)+")
_MATRIX = re.compile(
    r"(?:[(\[]\s*)?\\begin\{(?P<kind>[pbBvV]?matrix|smallmatrix|array)\}(?:\{[^{}]*\})?(?P<body>.*?)\\end\{(?P=kind)\}(?:\s*[)\]])?",
    re.DOTALL,
)
_PLUS_MINUS = re.compile(r"\\(?:pm|mp)(?![A-Za-z])")
_CAPTION = re.compile(r"(?P<name>[^\W\d_][^\d:=\\,]{0,40}?)\s*:\s*(?P<of>\S.*)", re.DOTALL)
_LETTERS = r"(?:[A-Za-z]|[A-Z]{2,4}|\\[a-z]+)'*(?:_(?:\{[^{}]*\}|\w))?"
_ONE_NAME = (
    rf"(?:\|?\s*(?:\\(?:angle|overline|vec|bar|hat|mathbf|triangle)\s*)?\{{?{_LETTERS}\}}?\s*\|?(?:\([^()=]*\))?)"
)
_NAME = re.compile(
    rf"(?:{_ONE_NAME}|\\frac\{{{_ONE_NAME}\}}\{{{_ONE_NAME}\}}|{_ONE_NAME}\s*[:/]\s*{_ONE_NAME}"
    rf"|\(\s*{_ONE_NAME}(?:\s*,\s*{_ONE_NAME})+\s*\)|\\(?:text|operatorname)\{{[^{{}}]*\}}|[^\W\d_]{{2,}}(?:"
    rf" [^\W\d_]+){{0,4}})"
)
_FUNCTION = re.compile(r"\\(?:sin|cos|tan|log|ln|exp|sqrt|lim|sum|int|pi|infty)(?![A-Za-z])|[ei]")
_BUILDER = re.compile(r"[A-Za-z](?:\s*\\in\s*\\mathbb\{?R\}?)?\s*(?:\||:)\s*(?P<of>.+)", re.DOTALL)
_REALS = re.compile(
    r"\\mathbb\s*\{?R\}?|all real numbers|all reals|(?:the )?set of (?:all )?real numbers|任意实数|全体实数",
    re.IGNORECASE,
)
_EMPTY = re.compile(
    r"\\emptyset|\\varnothing|\\\{\s*\\\}|no (?:real )?solutions?|none|no such \w+|(?:the )?empty set|does not"
    r" exist|d\.?n\.?e\.?|无解|不存在|空集",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)  # a gold answer comes back with every completion
def read(text: str) -> Shape:
    """What a text says, taken as an answer. Prose where it is not one as a whole."""
    if len(text) > _LONGEST:
        return Prose(text)
    found = clean(text)
    try:
        return _shape(found, 0)
    except RecursionError:
        return Prose(found)


def comparable(one: str, other: str) -> bool:
    """Whether two texts are answers and nothing else: no sentences, nor a phrase beside a lone number, of which it may
    say anything."""
    shapes = read(one), read(other)
    phrase = any(isinstance(shape, Phrase) for shape in shapes) and any(isinstance(shape, Scalar) for shape in shapes)
    return not phrase and not any(isinstance(shape, Prose) for shape in shapes)


def _shape(text: str, depth: int) -> Shape:  # noqa: PLR0911 - a kind each
    if not text or depth > _DEEPEST:
        return Prose(text)
    if (value := number(text)) is not None:
        return Scalar(latex(text), value)
    if _EMPTY.fullmatch(bare(text)):
        return Words(("nothing",))
    if _REALS.fullmatch(bare(text)):
        return _interval("(", "-\\infty", "\\infty", ")")
    if (found := _matrix(text, depth)) is not None:
        return found
    if _SENTENCE.search(bare(text)) and words(bare(text)) is None:
        return Prose(text)
    for reader in (_clock, compound, _list, _relation, _union, _bracketed, _ratio, _captioned, _plus_minus, quantity):
        shape = reader(text, depth)
        if shape is not None:
            return shape
    return _rest(text)


def _rest(text: str) -> Shape:
    plain = bare(text)
    if (found := words(plain)) is not None:
        return Words(found)
    if is_formula(plain):
        return Scalar(latex(text))
    found = tokens(plain)
    return Phrase(found, plain) if found else Prose(plain)


def _list(text: str, depth: int) -> Shape | None:
    """Several answers: `3, 5 and 7`; `x = 1 or x = 2`; `(1, 2), (3, 4)`; `p = 5, q = 2; p = 7, q = 2`."""
    chunks, between = split(text, _STRONG)
    groups = [_commas(chunk) for chunk in chunks if chunk]
    if sum(map(len, groups)) < 2 or any(not item for group in groups for item in group):
        return None
    if len(groups) > 1 and all(sign == ";" for sign in between) and _are_tuples(groups):
        return Several(tuple(_tuple(group, depth) for group in groups), text=text, joint=";")
    shapes = [_shape(item, depth + 1) for group in groups for item in group]
    if any(isinstance(shape, Prose) for shape in shapes):
        return None
    if any(isinstance(shape, Phrase) and len(shape.tokens) > CHUNK for shape in shapes):
        return None
    joint = next((bare(sign).strip(" ,\\") for sign in between if sign), ",") or ","
    return _grouped(_spread(shapes), text, joint)


def _commas(text: str) -> list[str]:
    """The parts between commas; where some are followed by a space, those within a grouped number are not meant."""
    if "," not in text or number(text) is not None:
        return [text]
    if (whole := quantity(text)) is not None and whole.number is not None:
        return [text]
    separator = _LISTING_COMMA if re.search(r",\s", text) else _COMMA
    return split(text, separator)[0]


def _are_tuples(groups: list[list[str]]) -> bool:
    """Whether `1, 2; 3, 4` is two pairs."""
    even = len({len(group) for group in groups}) == 1 and len(groups[0]) > 1
    return even and not any("=" in item for group in groups for item in group)


def _tuple(group: list[str], depth: int) -> Shape:
    return Several(tuple(_shape(item, depth + 1) for item in group), "(", ")")


def _spread(shapes: list[Shape]) -> list[Shape]:
    """`n = 4, 5, 6` are three values of n."""
    if (
        len(shapes) > 1
        and isinstance(shapes[0], Named)
        and not any(isinstance(s, (Named, Relation)) for s in shapes[1:])
    ):
        first = shapes[0]
        return [Named(first.name, one, "") for one in (first.of, *shapes[1:])]
    return shapes


def _grouped(shapes: list[Shape], text: str, joint: str) -> Several:
    """`p = 5, q = 2, p = 7, q = 2` are two pairs."""
    names = [shape.name for shape in shapes if isinstance(shape, Named)]
    if len(names) == len(shapes) and len(set(names)) > 1 and names.count(names[0]) > 1:
        size = len(set(names))
        cycles = [tuple(names[start : start + size]) for start in range(0, len(names), size)]
        if len(set(cycles)) == 1:
            values = [shape.of for shape in shapes if isinstance(shape, Named)]
            pairs = [Several(tuple(values[n : n + size]), "(", ")") for n in range(0, len(values), size)]
            return Several(tuple(pairs), text=text, joint=joint)
    if len(set(names)) == 1 and len(names) == len(shapes):
        return Several(tuple(shape.of for shape in shapes if isinstance(shape, Named)), text=text, joint=joint)
    return Several(tuple(shapes), text=text, joint=joint)


def _relation(text: str, depth: int) -> Shape | None:  # noqa: PLR0911 - a kind each
    sides, signs = split(text, _SIGNS)
    if not signs or not all(sides):
        return None
    signs = ["=" if sign in (":=", "==") else sign for sign in signs]
    if "\\approx" in signs or "\\sim" in signs:
        first = next(n for n, sign in enumerate(signs) if sign in ("\\approx", "\\sim"))
        if first == 0 and len(sides) == 2 and _is_name(sides[0]):
            signs = ["="]
        else:
            return _shape(" ".join(_woven(sides[: first + 1], signs[:first])), depth + 1)
    whole = latex(text)
    if signs == ["\\in"] and _is_name(sides[0]):
        return _named(sides[0], sides[1], whole, depth)
    if set(signs) == {"="}:
        if _is_name(sides[0]):
            return _named(sides[0], sides[-1], whole, depth)
        if _is_name(sides[-1]) and len(sides) == 2:
            return _named(sides[1], sides[0], whole, depth)
        if not any(_has_variable(side) for side in sides[:-1]):
            result = _shape(sides[-1], depth + 1)
            if not _has_variable(sides[-1]) or _is_measured(result):
                return result  # of a computation; what stands behind the number is no unknown
    if any(not is_formula(bare(side)) for side in sides):
        return None
    return Relation(tuple(map(latex, sides)), tuple(signs), whole)


def _woven(sides: list[str], signs: list[str]) -> list[str]:
    return [part for pair in zip(sides, [*signs, ""], strict=True) for part in pair]


def _named(name: str, of: str, whole: str, depth: int) -> Shape:
    found = _shape(of, depth + 1)
    plain = re.sub(r"\s+", "", bare(name))
    folded = plain.casefold() if re.fullmatch(r"[^\W\d_]{3,}", plain) else plain
    return found if isinstance(found, Prose) else Named(folded, found, whole)


def _is_name(text: str) -> bool:
    plain = bare(text)
    return _NAME.fullmatch(plain) is not None and _FUNCTION.fullmatch(plain) is None and number(plain) is None


def _has_variable(text: str) -> bool:
    return re.search(r"(?<![\\A-Za-z])[A-Za-z]", re.sub(r"\\[A-Za-z]+|[ei](?![A-Za-z])", " ", text)) is not None


def _is_measured(shape: Shape) -> bool:
    """Whether it is a number of something: `23 cm`, `168 rolls`; not `3x`."""
    if not isinstance(shape, Scalar) or shape.number is None:
        return False
    return shape.unit is not None or (shape.counted is not None and max(map(len, shape.counted.words), default=0) > 2)


def _union(text: str, depth: int) -> Shape | None:
    parts, signs = split(text, _CUP)
    return Union(tuple(_shape(part, depth + 1) for part in parts), latex(text)) if signs and all(parts) else None


def _bracketed(text: str, depth: int) -> Shape | None:
    found = enclosed(text)
    if found is None:
        return None
    opening, inner, closing = found
    if text.startswith("\\{") and (built := _BUILDER.fullmatch(inner)):
        return _shape(built["of"], depth + 1)
    items = _commas(inner) if number(inner) is None or opening != "{" else [inner]
    if len(items) == 1 and ";" in inner:
        items = split(inner, re.compile(r"\s*;\s*"))[0]
    if len(items) == 1 and opening in "({[" and (closing, opening) in ((")", "("), ("}", "{"), ("]", "[")):
        if (grouped := re.fullmatch(r"(\d{1,3}),(\d{3})", inner)) is not None and opening in "([":
            items = [grouped[1], grouped[2]]  # a point or an interval: (1,234) as a number has no brackets
        else:
            unquoted = inner.strip().strip("'\"")
            inside = _shape(unquoted, depth + 1)
            if isinstance(inside, (Several, Prose, Phrase)) and opening != "{":
                return None
            return inside
    if any(not item for item in items):
        return None
    shapes = tuple(_shape(item.strip().strip("'\""), depth + 1) for item in items)
    return Several(shapes, opening, closing, text)


def _interval(opening: str, low: str, high: str, closing: str) -> Several:
    return Several(
        (Scalar(low, number(low)), Scalar(high, number(high))), opening, closing, f"{opening}{low}, {high}{closing}"
    )


def interval_of(relation: Relation) -> Shape | None:  # noqa: PLR0911 - a kind each
    r"""The interval, or the union, of `x < 4`, `0 < x \le 7.5` or `x \ne 3`; None for another relation."""
    sides, signs = relation.sides, relation.signs
    places = [place for place, side in enumerate(sides) if _is_name(side) and "|" not in side]
    if len(places) != 1 or not set(signs) <= {"<", ">", "\\le", "\\ge", "\\ne"}:
        return None
    others = [side for place, side in enumerate(sides) if place != places[0]]
    if any(_has_variable(side) for side in others):
        return None
    if signs == ("\\ne",):
        point = others[0]
        return Union((_interval("(", "-\\infty", point, ")"), _interval("(", point, "\\infty", ")")))
    if "\\ne" in signs:
        return None
    if len(sides) == 2:
        upward = (signs[0] in (">", "\\ge")) == (places[0] == 0)  # x > 3, 3 < x
        shut = signs[0] in ("\\le", "\\ge")
        if upward:
            return _interval("[" if shut else "(", others[0], "\\infty", ")")
        return _interval("(", "-\\infty", others[0], "]" if shut else ")")
    if len(sides) == 3 and places[0] == 1 and len({sign in ("<", "\\le") for sign in signs}) == 1:
        low, high, ends = others[0], others[1], list(signs)
        if signs[0] in (">", "\\ge"):
            low, high, ends = high, low, ends[::-1]
        return _interval("(" if ends[0] in "<>" else "[", low, high, ")" if ends[1] in "<>" else "]")
    return None


def _matrix(text: str, depth: int) -> Shape | None:
    found = _MATRIX.fullmatch(text.strip())
    if found is None or "\\begin" in found["body"]:
        return None
    rows = [row for row in re.split(r"\\\\", found["body"]) if row.strip()]
    cells = [[_shape(cell.strip(), depth + 1) for cell in row.split("&")] for row in rows]
    return Matrix(tuple(map(tuple, cells)), latex(text))


def _clock(text: str, depth: int) -> Shape | None:
    found = _CLOCK.fullmatch(bare(text))
    if found is None:
        return None
    hour, minute = number(found["hour"]), number(found["minute"] or "0")
    assert hour is not None and minute is not None
    return Ratio((hour, minute), found["half"][0].lower() + "m", clock=True)


def _ratio(text: str, depth: int) -> Shape | None:
    plain = bare(text).replace("\\colon", ":")
    if not _RATIO.fullmatch(plain):
        return None
    parts = [number(part.strip()) for part in plain.split(":")]
    known = tuple(part for part in parts if part is not None)
    if len(known) < len(parts):
        return None
    return Ratio(known, None, re.fullmatch(r"\d{1,2}:[0-5]\d(?::[0-5]\d)?", plain.replace(" ", "")) is not None)


def _captioned(text: str, depth: int) -> Shape | None:
    """`Alice: 3`."""
    found = _CAPTION.fullmatch(bare(text))
    if found is None or unit_of(found["name"]) is not None:
        return None
    of = _shape(found["of"], depth + 1)
    return None if isinstance(of, Prose) else Named(found["name"].strip().casefold(), of, latex(text))


def _plus_minus(text: str, depth: int) -> Shape | None:
    r"""`1 \pm \sqrt{5}` is two numbers; of several signs all are the upper ones, or all the lower."""
    if not _PLUS_MINUS.search(text):
        return None
    both = []
    for upper in (True, False):
        one = _PLUS_MINUS.sub(lambda sign: "+" if (sign[0] == "\\pm") == upper else "-", text)  # noqa: B023
        both.append(_shape(re.sub(r"^\s*\+\s*", "", one).strip(), depth + 1))
    return Several((both[0], both[1]), text=text)
