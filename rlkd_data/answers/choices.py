"""Multiple choice: the options in a problem's text, and which of them an answer means. Pure."""

from __future__ import annotations

import re

from rlkd_data.answers.final import choice_letter

_OPTION = re.compile(r"^[ \t]*[(\[]?(?P<letter>[A-J])[)\].:][ \t]+(?P<text>\S[^\n]*)$", re.MULTILINE)
_LEADING = re.compile(r"^[\s*_(\[]*[A-Z][)\].:][\s*_]+(?=\S)")
_MACRO = re.compile(r"\\(?:text|textbf|textit|mathrm|mbox)\s*\{([^{}]*)\}")


def options_of(problem: str) -> dict[str, str]:
    """The options by letter: lines `A. …`, `(B) …`, `C) …` that follow on from A; of several such lists the last.
    Empty where there are fewer than two."""
    found: dict[str, str] = {}
    last: dict[str, str] = {}
    for match in _OPTION.finditer(problem):
        letter, text = match["letter"], match["text"].strip()
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
    letter = choice_letter(answer)
    if letter not in options:
        letter = None
    rest = _plain(_LEADING.sub("", answer)) if letter else _plain(answer)
    by_text = [one for one, text in options.items() if _plain(text) == rest]
    if letter is None:
        return by_text[0] if len(by_text) == 1 else None
    return None if by_text and letter not in by_text else letter


def _plain(text: str) -> str:
    bare = _MACRO.sub(r"\1", text).strip().strip("$*_ ").removesuffix(".")
    return " ".join(bare.split()).casefold()
