"""A model's text to reasoning and response. Pure, and linear in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rlkd_data.answers.final import final_answer, states_answer

_THOUGHT = re.compile(r"<(?P<close>/?)(?:think|thinking|thought)>|<\|(?P<edge>begin|end)_of_thought\|>", re.IGNORECASE)
_SOLUTION = re.compile(r"<\|(?:begin|end)_of_solution\|>")


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
    tags = [(found, _closes(found)) for found in _THOUGHT.finditer(text)]
    closing = [found for found, closes in tags if closes]
    if separate is not None and separate.strip():
        return Parts(_untagged(separate), _untagged(text[closing[-1].end() :] if closing else text))
    if not tags:
        plain = _untagged(text)
        return Parts(plain, _answer_line(plain) or plain)
    last_opening = max((found.start() for found, closes in tags if not closes), default=-1)
    if not closing or last_opening > closing[-1].start():
        return Parts(_untagged(text), "", open_ended=True)
    return Parts(_untagged(text[: closing[-1].start()]), _untagged(text[closing[-1].end() :]))


def _closes(found: re.Match[str]) -> bool:
    return found["close"] == "/" or (found["edge"] or "").lower() == "end"


def _untagged(text: str) -> str:
    return _SOLUTION.sub("", _THOUGHT.sub("", text)).strip()


def _answer_line(text: str) -> str | None:
    if final_answer(text) is None:  # the last one was cut off: no earlier line states it
        return None
    for line in reversed(text.split("\n")):
        if line.strip() and states_answer(line):
            return line.strip()
    return None
