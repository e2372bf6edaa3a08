"""The final answer that a text states. Pure, and linear in the text."""

from __future__ import annotations

import re

_BOXED = re.compile(r"(?:\\{1,4}(?:boxed|fbox)|\x08oxed)\s*\{")
"""`\\b` in a text that was read as JSON without need is a backspace."""
_BOX_PART = re.compile(rf"(?P<box>{_BOXED.pattern})|\\.|[{{}}]", re.DOTALL)
_HASHES = re.compile(r"^####[ \t]*(?P<answer>\S[^\n]*)$", re.MULTILINE)
_SENTENCE = re.compile(r"\banswer\b[*_]{0,3}[ \t]*(?:is\b|:|：)[ \t*_:]*(?:\n\s*)?(?P<answer>\S[^\n]*)", re.IGNORECASE)
_HEADING = re.compile(
    r"^[#*_ \t]*final[ \t]+answer[*_ \t]*(?::[*_ \t]*)?\n\s*(?P<answer>\S[^\n]*)$", re.IGNORECASE | re.MULTILINE
)
_LABEL = re.compile(r"\A[*_ ]*(?:the[ ])?(?:final[ ])?answer[*_]*[ ]*(?:is\b|[:：])[ *_]*(?=\S)", re.IGNORECASE)
_NUMBER = re.compile(r"[*_$\\(\[ ]*[-+]?\d[\d.,]*\s*%?[*_$\\)\] ]*")
_SENTENCE_END = re.compile(r"(?<=[^\s.])\.(?=\s+[A-Z\W])")
_ONLY_LETTER = re.compile(r"[*_]{0,3}\(?(?P<letter>[A-J])\)?\.?[*_]{0,3}")
_LETTER = re.compile(
    r"[\s*_(\[$]*(?:(?:the[ ])?(?:correct[ ])?(?:option|choice|answer)(?:[ ]is)?[ :]*[(\[*]*)?"
    r"(?P<letter>[A-Z])(?:[\s*_$]*$|[\s*_$]*[)\].:,]|[ ](?:is|because|since)\b)",
    re.IGNORECASE,
)

_SHORT = 100
"""Characters of the longest number that is looked for."""


def final_answer(text: str) -> str | None:
    r"""The answer that a text states last; None where it states none.

    Looked for in this order: `\boxed{…}`, `#### …` (a number, or the last line: elsewhere it is a heading), a heading
    "Final answer" and the line under it, "the answer is …" or "answer: …", a last line that is nothing but a choice
    letter, a text that is nothing but a number.
    """
    boxed = last_boxed(text)
    if boxed is not None:
        return boxed
    last_line = text.rstrip().rpartition("\n")[2].strip()
    for pattern in (_HASHES, _HEADING, _SENTENCE):
        found = None
        for match in pattern.finditer(text):
            if pattern is _HASHES and match[0].strip() != last_line and not _is_number(match["answer"]):
                continue
            found = _bare(_LABEL.sub("", match["answer"])) or found
        if found:
            return found
    letter = _ONLY_LETTER.fullmatch(last_line)
    if letter:
        return letter["letter"]
    return _bare(text) if _is_number(text) else None


def last_boxed(text: str) -> str | None:
    r"""What stands in the last `\boxed{…}`, braces balanced; None where there is none, or it is not closed. Of boxes in
    one another it is the outermost."""
    open_braces: list[int | None] = []  # for each open brace the start of its content, if it is a box's
    last: str | None = None
    for found in _BOX_PART.finditer(text):
        if found["box"]:
            open_braces.append(found.end())
        elif found[0] == "{":
            open_braces.append(None)
        elif found[0] == "}" and open_braces:
            start = open_braces.pop()
            if start is not None:
                last = text[start : found.start()].strip() or last
    return last


def choice_letter(answer: str) -> str | None:
    r"""The letter of a multiple choice answer: `B`, `(B)`, `B. Paris`, `**B**`, `\text{B}`, `option B`. A small letter
    counts only where it is all there is."""
    bare = re.sub(r"\\(?:text|textbf|mathrm|mathbf)\b|[{}]", "", answer).strip()
    found = _LETTER.match(bare)
    if found is None or (found["letter"].islower() and not re.fullmatch(r"\W*\w\W*", bare)):
        return None
    return found["letter"].upper()


def _is_number(text: str) -> bool:
    bare = text.strip()
    return len(bare) <= _SHORT and _NUMBER.fullmatch(bare) is not None


def _bare(answer: str) -> str | None:
    """An answer given in a sentence: up to the sentence's end, without bold, dollar signs and full stop."""
    line = _SENTENCE_END.split(answer, maxsplit=1)[0].strip().lstrip(":").strip("*_ \t")
    line = re.sub(r"^\$+(?P<inner>[^$]+)\$+\.?$", r"\g<inner>", line).strip()
    line = line.removesuffix(".").strip("*_ \t") if not line.endswith("..") else line
    return line or None
