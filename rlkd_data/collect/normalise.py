"""A model's text to reasoning, response and final answer. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_THOUGHT = re.compile(r"<(?P<close>/?)(?:think|thinking|thought)>|<\|(?P<edge>begin|end)_of_thought\|>", re.IGNORECASE)
_SOLUTION = re.compile(r"<\|(?:begin|end)_of_solution\|>")
_HASHES = re.compile(r"^####\s*(?P<answer>\S.*?)\s*$", re.MULTILINE)
_SENTENCE = re.compile(
    r"(?:final\s+answer|answer)\s*(?:is|:)\s*:?\s*(?P<answer>[^\n]+)",
    re.IGNORECASE,
)
_LETTER = re.compile(r"^[\s*(\[]*(?P<letter>[A-Z])[)\].:*\s]*(?:$|[).:\s])")


@dataclass(frozen=True, slots=True)
class Parts:
    """Reasoning without tags, and the response that came after it. `open_ended`: the reasoning was never closed."""

    reasoning: str
    response: str
    open_ended: bool = False


def split_reasoning(text: str, separate: str | None = None) -> Parts:
    """Tell reasoning from response.

    - `separate`, what the server gave apart (`reasoning_content`, thinking blocks), is the reasoning.
    - With tags, the response is what follows the *last* closing tag, since reasoning may mention the tag itself; a text
      whose template had opened the tag holds only the closing one; an opening tag that nothing closes means that the
      reply was cut off in the reasoning, so there is no response.
    - Without either, a plain chain of thought, all of it is reasoning, and the line that states the final answer is the
      response (all of it, where no line does).
    """
    if separate is not None and separate.strip():
        return Parts(_untagged(separate), _untagged(text))
    tags = [(found, _closes(found)) for found in _THOUGHT.finditer(text)]
    if not tags:
        plain = _untagged(text)
        return Parts(plain, _answer_line(plain) or plain)
    closing = [found for found, closes in tags if closes]
    if not closing:
        return Parts(_untagged(text), "", open_ended=True)
    last = closing[-1]
    reopened = next((found for found, closes in tags if not closes and found.start() > last.start()), None)
    if reopened is not None:
        return Parts(_untagged(text), "", open_ended=True)
    return Parts(_untagged(text[: last.start()]), _untagged(text[last.end() :]))


def final_answer(text: str) -> str | None:
    r"""The answer that a text states last: `\boxed{…}`, `#### …`, "the final answer is …", "answer: …"; None where it
    states none."""
    boxed = last_boxed(text)
    if boxed is not None:
        return boxed
    for pattern in (_HASHES, _SENTENCE):
        found = None
        for match in pattern.finditer(text):
            found = match["answer"]
        if found and (answer := _bare(found)):
            return answer
    return None


def last_boxed(text: str) -> str | None:
    r"""What stands in the last `\boxed{…}`, braces balanced; None where there is none, or it is not closed."""
    for opening in reversed([found.end() for found in re.finditer(r"\\(?:boxed|fbox)\s*\{", text)]):
        depth = 1
        for at in range(opening, len(text)):
            if text[at] == "{" and text[at - 1] != "\\":
                depth += 1
            elif text[at] == "}" and text[at - 1] != "\\":
                depth -= 1
                if depth == 0:
                    return text[opening:at].strip() or None
    return None


def choice_letter(answer: str) -> str | None:
    """The letter of a multiple choice answer: `B`, `(B)`, `B. Paris`, `**B**`."""
    found = _LETTER.match(answer.replace("\\text", "").replace("{", "").replace("}", "").strip())
    return found["letter"] if found else None


def _closes(found: re.Match[str]) -> bool:
    return found["close"] == "/" or (found["edge"] or "").lower() == "end"


def _untagged(text: str) -> str:
    return _SOLUTION.sub("", _THOUGHT.sub("", text)).strip()


def _answer_line(text: str) -> str | None:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    for line in reversed(lines):
        if final_answer(line) is not None:
            return line
    return None


def _bare(answer: str) -> str | None:
    answer = answer.strip().strip("*_").strip()
    answer = re.sub(r"^\$(?P<inner>[^$]+)\$\.?$", r"\g<inner>", answer)
    answer = answer.removesuffix(".").strip().strip("*_").strip()
    return answer or None
