"""Multiple choice: the options in a problem's text, and which of them an answer means. Pure."""

from __future__ import annotations

import re

from rlkd_data.answers.typeset import bare, clean
from rlkd_data.schema import Domain

_OPTION = re.compile(r"^[ \t]*[(\[（]?(?P<letter>[A-J])[)\].:）．、：][ \t]*(?P<text>\S[^\n]*)$", re.MULTILINE)
_INLINE = re.compile(
    r"(?:(?<=[\s$])|^)(?:\\(?:text|textbf|mathrm)\s*\{\s*)?[(\[（](?P<letter>[A-J])[)\]）]\s*\}?\s*(?P<text>.+?)"
    r"(?=\s*(?:\\qquad|\\quad|[;,])*\s*(?:\\(?:text|textbf|mathrm)\s*\{\s*)?[(\[（][A-J][)\]）]|\s*\$?\s*$)",
    re.MULTILINE,
)
_LEADING = re.compile(r"^[\s*_(\[]*[A-Z][)\].:,][\s*_]+(?=\S)|^[\s*_(\[]*[A-Z]\s+(?=\S)")
_ONE = r"[(\[]?\s*(?<![A-Za-z\\])[A-J](?![A-Za-z'])\s*[)\]]?"
_REJECTED = re.compile(
    r"(?:\bnot\b|\bnon\b|\bnor\b|\bneither\b|n't(?:\s+\w+){0,2}|\bcannot(?:\s+be)?|\brather than\b|\binstead of\b"
    r"|\bexclud\w+|\brul\w+ out|\bwrong\b"
    r"|\bunlike\b|而?不是|不选|而非|排除|不能是|并非)"
    rf"\s*(?:be\s+|option\s+|choice\s+|answer\s+|either\s+|选项\s*)?{_ONE}(?:\s*(?:,|、|and|or|nor|ou|或|和)\s*(?:or\s+)?{_ONE})*",
    re.IGNORECASE,
)
_WRONG = re.compile(rf"{_ONE}\s*(?:is|are|was)\s+(?:not|wrong|incorrect)|{_ONE}\s*(?:不对|是错的|错误)")
_NAMED = re.compile(
    r"(?:\b(?:answer|option|choice|réponse|respuesta|antwort|choose|pick|select|it's|it is|be|it must be)\b|答案|选项?"
    r"|选择|应选|应为)"
    r"(?:[\s*_]*(?:is|est|es|ist|would be|must be|should be|option|choice|for sure|therefore|thus|clearly"
    r"|definitely|[:=是为选应])){0,5}"
    rf"[\s*_]*{_ONE.replace('[A-J]', '(?P<letter>[A-J])')}",
    re.IGNORECASE,
)
_START = re.compile(
    r"\W*(?P<letter>[A-J])(?:\W*$|\s*[)\].:,，。、]|\s*[\u4e00-\u9fff]|\s+(?:is|because|since|seems|would)\b|\s*\n)"
)
_SPACED = re.compile(r"\W*(?P<letter>[A-J])\s+(?P<text>[A-Z]\S*.*)", re.DOTALL)
_LINE = re.compile(r"^\W*(?P<letter>[A-J])[)\].:]?\s+(?P<text>[A-Z]\S*)?", re.MULTILINE)
_BARE = r"[A-J](?![A-Za-z'])"
_LETTERS = re.compile(
    rf"\W*+{_BARE}(?:\s*+(?:[,;、&和或]|and|or|(?<=\s))\s*+(?:and\s+|or\s+)?[(]?{_BARE}[)]?)++\W*+|[A-J]{{2,6}}"
)
_LONE = re.compile(r"\W*(?P<letter>[A-Za-j])\W*")
_LETTER = re.compile(r"[\s$*]*\(?(?P<letter>[A-Z])(?:\)?\.?[\s$*]*|[).:]+[ ](?P<text>.+))", re.DOTALL)


def options_of(problem: str) -> dict[str, str]:
    """The options by letter: lines `A. …`, `(B) …`, `C) …` that follow on from A, or the same within a line; of several
    such lists the last. Empty where there are fewer than two."""
    return _following(_OPTION, problem) or _following(_INLINE, problem)


def _following(pattern: re.Pattern[str], problem: str) -> dict[str, str]:
    found: dict[str, str] = {}
    last: dict[str, str] = {}
    for match in pattern.finditer(problem):
        letter, text = match["letter"], match["text"].strip().rstrip(";,").strip()
        if letter == "A":
            found = {}
        if letter != chr(ord("A") + len(found)):
            found = {}
            continue
        found[letter] = text
        if len(found) >= 2:
            last = found
    return last


def chosen(answer: str, options: dict[str, str]) -> str | None:
    """The letter of the option that an answer names, by its letter, its text, or both; None where it names none.

    An answer whose letter and text disagree (`B. Paris`, where Paris is C) names none.
    """
    plain = _plain(answer)
    by_text = [one for one, text in options.items() if _plain(text) == plain]
    letter = choice_letter(answer)
    if len(by_text) == 1 and (letter is None or letter == by_text[0] or len(plain) > 1):
        return by_text[0]
    if letter not in options:
        return None
    rest = _plain(_LEADING.sub("", bare(clean(answer))))
    by_text = [one for one, text in options.items() if _plain(text) == rest]
    return None if by_text and letter not in by_text else letter


def choice_letter(answer: str) -> str | None:
    r"""The letter of a multiple choice answer: `B`, `(B)`, `B. Paris`, `**B**`, `\text{B}`, `option B`, `B, not A`,
    `答案是B`. A small letter counts only where it is all there is."""
    text = bare(clean(answer))
    if lone := _LONE.fullmatch(text):
        return lone["letter"].upper()
    if _LETTERS.fullmatch(text):
        return None  # several
    left = _WRONG.sub(" ", _REJECTED.sub(" ", text)).strip()
    rejected, text = left != text, left
    if start := _START.match(text):
        return start["letter"]
    named = [found["letter"] for found in _NAMED.finditer(text) if found["letter"].isupper()]
    letters: list[str] = re.findall(rf"(?<![A-Za-z\\]){_BARE}", text)
    if not named and rejected and len(set(letters)) == 1:
        return letters[0]
    return named[-1] if named else None


def _several(text: str) -> frozenset[str] | None:
    """The letters of `A, C`, `A and C` or `AC`."""
    plain = bare(clean(text))
    return frozenset(re.findall("[A-J]", plain)) if _LETTERS.fullmatch(plain) else None


def by_letter(gold: str, answer: str, domain: Domain) -> bool | None:
    """Whether two answers of which one is a lone letter name the same. A letter may also be the name of a quantity, in
    mathematics, so there only another letter is wrong. None where letters do not tell."""
    sets = [_several(one) or _several_of(one) for one in (gold, answer)]
    if domain != "math" and all(sets) and any(one is not None and len(one) > 1 for one in sets):
        return sets[0] == sets[1]
    for wanted, said in ((gold, answer), (answer, gold)):
        found = _LETTER.fullmatch(wanted.strip())
        if found is None or (found["text"] and not _LONE.fullmatch(said)):
            continue
        letter = choice_letter(said)
        if letter is None and domain != "math":
            spaced = _SPACED.fullmatch(said.strip()) or _last_line(said)
            letter = spaced["letter"] if spaced else None
        if letter is None and (domain == "math" or found["text"]):
            continue
        if letter is None and wanted is answer:
            continue
        return letter == found["letter"]
    return None


def _several_of(text: str) -> frozenset[str] | None:
    lone = _LONE.fullmatch(bare(clean(text)))
    return frozenset(lone["letter"].upper()) if lone else None


def _last_line(text: str) -> re.Match[str] | None:
    lines = [found for found in _LINE.finditer(text) if found["text"] or found[0].strip() == text.strip()]
    return lines[-1] if lines else None


def _plain(text: str) -> str:
    return " ".join(bare(clean(text)).split()).casefold()
