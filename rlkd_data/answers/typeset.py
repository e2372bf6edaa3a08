r"""What only sets an answer, taken off: dollar signs, spaces, bold, `\text`, the many spellings of one sign. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

OPEN, CLOSE = "\ue000", "\ue001"
r"""Around what stood in `\text{…}`, in a cleaned text."""

_WIDE = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_NAMES = (
    "times cdot cdot pi infty le ge le ge ne pm mp cup cap in emptyset approx sim theta alpha beta gamma delta lambda "
    "mu phi omega"
)
_FRACTIONS = "1/2 1/3 2/3 1/4 3/4 1/5 2/5 3/5 4/5 1/6 5/6 1/8 3/8 5/8 7/8"
MINUS = {ord(sign): "-" for sign in "−‐‑–﹣－"}
"""For `str.translate`: the signs that are taken for a minus."""
_CHARACTERS = {
    **_WIDE,
    **MINUS,
    **{ord(sign): " " for sign in "\u3000\t"},
    **{ord(a): b for a, b in zip("。、，；：（）【】“”‘’", ".,,;:()[]\"\"''", strict=True)},
    **{ord(a): f"\\{b} " for a, b in zip("×·⋅π∞≤≥⩽⩾≠±∓∪∩∈∅≈∼θαβγδλμφω", _NAMES.split(), strict=True)},
    **{ord(a): f" {b}" for a, b in zip("½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞", _FRACTIONS.split(), strict=True)},
    ord("÷"): "/", ord("⁄"): "/", ord("∕"): "/", ord("℃"): "°C", ord("º"): "°", ord("′"): "'", ord("﹪"): "%",
    ord("⟨"): "\\langle ", ord("⟩"): "\\rangle ", ord("\u200b"): "", ord("\ufeff"): "", ord("￥"): "¥",
}  # fmt: skip
_UPPER = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_LOWER = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_COMMANDS = (
    "le|ge|leq|geq|lt|gt|ne|neq|frac|dfrac|tfrac|text|sqrt|pi|infty|cup|cap|in|times|cdot|boxed|left|right"
    "|quad|pm|mathrm"
)
_CURRENCY, _ROW = "\ue002", "\ue003"
_THIN = r"(?:[\u00a0\u2009\u202f\u2007]|\\[,;: ]|(?<=\d)\{,\}|~)"
_STEPS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), new)
    for pattern, new in (
        (rf"\\\\(?=(?:{_COMMANDS})(?![A-Za-z]))", r"\\"),
        (r"\\\\", _ROW),
        (r"\\(?:left|right)\s*\.", " "),
        (r"\\(?:left|right|[bB]igg?[lrm]?|displaystyle|textstyle|limits|hfill|rm|bf|it)(?![A-Za-z])", ""),
        (r"\\!\s*", ""),
        (r"\{,\}", ","),
        (rf"(?<=\d){_THIN}(?=\d{{3}}(?!\d))", ""),
        (r"[\u00a0\u2009\u202f\u2007\u2002\u2003~]|\\[,;: ]|\\(?:q?quad|hspace\{[^{}]*\}|enspace|thinspace)", " "),
        (r"\\(?:lbrace|\{)", r"\\{"),
        (r"\\(?:rbrace|\})", r"\\}"),
        (r"\\(?:lbrack)(?![A-Za-z])", "["),
        (r"\\(?:rbrack)(?![A-Za-z])", "]"),
        (r"\\(?:lvert|rvert|vert|mid)(?![A-Za-z])", "|"),
        (r"\\[dtc]frac(?![A-Za-z])", r"\\frac"),
        (r"\^\s*\{?\s*\\(?:circ|degree)\s*\}?|\\degree(?![A-Za-z])|\\textdegree(?![A-Za-z])", "°"),
        (r"\\leq?(?:slant)?(?![A-Za-z])|<=|=<", r"\\le "),
        (r"\\geq?(?:slant)?(?![A-Za-z])|>=", r"\\ge "),
        (r"\\neq?(?![A-Za-z])|(?<![\d)])!=|\\not\s*=", r"\\ne "),
        (r"\\lt(?![A-Za-z])", "<"),
        (r"\\gt(?![A-Za-z])", ">"),
        (r"\\%", "%"),
        (r"\\(?:thickapprox|simeq)(?![A-Za-z])|≒", r"\\approx "),
        (r"\\(?:ldots|dots|cdots)(?![A-Za-z])|…", "..."),
        (r"\\(?:mathrm|text|rm)\s*\{\s*([ei])\s*\}", r"\1"),
        (r"\\(?:mathrm|text|rm)\s*\{\s*(?:inf|infinity)\s*\}", r"\\infty "),
        (r"\\langle(?![A-Za-z])", "("),
        (r"\\rangle(?![A-Za-z])", ")"),
        (r"(?<![\\A-Za-z])pi(?![A-Za-z])", r"\\pi "),
        (r"(?<![\\A-Za-z])(?:inf|infinity|oo)(?![A-Za-z])", r"\\infty "),
        (r"√\s*\(", r"sqrt("),
        (r"√\s*(\w+)", r"\\sqrt{\1}"),
        (r"\\sqrt\s*([\dA-Za-z])", r"\\sqrt{\1}"),
        (r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}"),
        (r"\\frac\s*(\d)\s*\{", r"\\frac{\1}{"),
        (r"\\frac\s*(\{[^{}]*\})\s*(\d)", r"\\frac\1{\2}"),
        (r"\\frac\s+\{", r"\\frac{"),
        (r"\\(?:displaystyle|mathstrut|phantom\{[^{}]*\})", ""),
    )
)
_TEXT = re.compile(
    r"\\(?:text|textbf|textit|textrm|textsf|textnormal|mathrm|mathbf|mathit|mathsf|mbox|hbox)\s*\{([^{}]*)\}"
)
_SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+")
_SUBSCRIPT = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")
_FEET = re.compile(r"(?<!\d)(\d++)\s*+['′’]\s*+(\d++(?:\.\d++)?)\s*+(?:\"|″|”|'')")
_BOLD = re.compile(r"\*\*|__(?=\S)|(?<=\S)__|`")
_MATH = re.compile(r"\$\$(?P<two>[^$]+)\$\$|\$(?P<one>[^$\n]*)\$(?!\d)")
_AMOUNT = re.compile(r"\s*+[\d.,]++\s++[A-Za-z]{2,}")
_DELIMITERS = re.compile(r"\\[()\[\]]")
_ENVIRONMENT = re.compile(r"\\begin\{(\w+\*?)\}.*?\\end\{\1\}", re.DOTALL)
_END = re.compile(r"(?<!\.)[.\s,;]+$")
_OPENING, _CLOSING = "([{", ")]}"


def clean(text: str) -> str:
    r"""An answer in one spelling: without delimiters of formulas, bold and final stop; `-` for every minus, `\le` for
    every "at most", `\frac{…}{…}` for every fraction, `°` for degrees, a bare `$` only for money. What stood in `\text`
    stands between `OPEN` and `CLOSE`."""
    found = text.translate(_CHARACTERS).strip()
    found = _SUPERSCRIPT.sub(lambda match: "^{" + match[0].translate(_UPPER) + "}", found)
    found = _SUBSCRIPT.sub(lambda match: "_{" + match[0].translate(_LOWER) + "}", found)
    found = _FEET.sub(r"\1 ft \2 in", found).replace("\\$", _CURRENCY)
    found = _MATH.sub(_undelimited, found).replace("$", _CURRENCY)
    found = _DELIMITERS.sub(" ", found)
    for pattern, new in _STEPS:
        found = pattern.sub(new, found)
    found = _functions(_BOLD.sub("", found))
    found = _TEXT.sub(lambda match: f"{OPEN}{match[1].strip()}{CLOSE}" if match[1].strip() else " ", found)
    found = found.replace(_CURRENCY, "$").replace(_ROW, "\\\\").strip().strip("\"'").strip()
    return re.sub(r"[ \t]+", " ", found if found.endswith("...") else _END.sub("", found)).strip()


def _undelimited(match: re.Match[str]) -> str:
    inner = match["two"] or match["one"] or ""
    if match["one"] is not None and (_AMOUNT.match(inner) or not inner.strip()):  # $5 and $, of `$5 and $10`
        return match[0].replace("$", _CURRENCY)
    return f" {inner} "


def _functions(text: str) -> str:
    r"""`sqrt(…)` as `\sqrt{…}`."""
    while (found := re.search(r"(?<![\\A-Za-z])sqrt\s*\(", text)) is not None:
        end = _match(text, found.end() - 1)
        if end is None:
            return text
        text = f"{text[: found.start()]}\\sqrt{{{text[found.end() : end]}}}{text[end + 1 :]}"
    return text


def _match(text: str, start: int) -> int | None:
    """Where the bracket at `start` closes, whatever kind closes it: an interval may be half open."""
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] in _OPENING) - (text[place] in _CLOSING)
        if depth == 0:
            return place
    return None


def bare(text: str) -> str:
    r"""A cleaned text without the marks of `\text`."""
    return re.sub(r"[ \t]+", " ", text.replace(OPEN, " ").replace(CLOSE, " ")).strip()


def latex(text: str) -> str:
    r"""A cleaned text as LaTeX again."""
    return text.replace(OPEN, "\\text{").replace(CLOSE, "}").replace("°", "^\\circ ")


def depths(text: str) -> Iterator[tuple[int, int]]:
    """Each place of a cleaned text, and how many brackets are open before it."""
    depth = 0
    for place, sign in enumerate(text):
        if sign in _CLOSING or sign == CLOSE:
            depth = max(0, depth - 1)
        yield place, depth
        if sign in _OPENING or sign == OPEN:
            depth += 1


def split(text: str, separator: re.Pattern[str]) -> tuple[list[str], list[str]]:
    """(the parts between separators outside brackets, the separators)."""
    outside = {place for place, depth in depths(text) if depth == 0}
    for environment in _ENVIRONMENT.finditer(text):
        outside.difference_update(range(*environment.span()))
    parts, between, start = [], [], 0
    for found in separator.finditer(text):
        if found.start() in outside and found.start() >= start:
            parts.append(text[start : found.start()].strip())
            between.append(found[0].strip())
            start = found.end()
    return [*parts, text[start:].strip()], between


def enclosed(text: str) -> tuple[str, str, str] | None:
    r"""(opening bracket, inside, closing bracket) where one pair encloses all of a cleaned text."""
    escaped = text.startswith("\\{")
    start = 1 if escaped else 0
    if not text or text[start] not in _OPENING or _match(text, start) != len(text) - 1:
        return None
    inner = text[start + 1 : -1]
    return text[start], (inner[:-1] if escaped and inner.endswith("\\") else inner).strip(), text[-1]
