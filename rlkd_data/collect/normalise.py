"""A model's text to reasoning and response. Pure, and linear in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rlkd_data.answers.final import final_answer, states_answer
from rlkd_data.chat.backends.parts import REDACTED
from rlkd_data.structure.thought import cut_thought

_TAG = re.compile(r"<(?P<close>/?)(?:think|thinking|thought)>|<\|(?P<edge>begin|end)_of_thought\|>", re.IGNORECASE)
_SOLUTION = re.compile(r"<\|(?:begin|end)_of_solution\|>")
_MARKS = re.compile(
    r"\[/?THINK\]|◁/?think▷|</?seed:think\b[^>]{0,40}>|<\|(?:channel|message|constrain|im_start|im_end)\|>"
    r"|<\|(?:START|END)_THINKING\|>|<\|(?:inner_prefix|inner_suffix)\|>|<unused9[45]>|<\|channel>|<channel\|>"
)
"""Marks of thoughts and channels that nobody writes for a reader."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Reasoning without tags, and the response that came after it. `open_ended`: the reasoning was never closed;
    `redacted`: there was reasoning, and the provider gave none of it away."""

    reasoning: str
    response: str
    open_ended: bool = False
    redacted: bool = False

    @property
    def marked(self) -> bool:
        """Whether marks of a thought are left, so that the two were not told apart."""
        return _MARKS.search(self.reasoning) is not None or _MARKS.search(self.response) is not None


def split_reasoning(text: str, separate: str | None = None) -> Parts:
    """Tell reasoning from response.

    - `separate`, what the server gave apart (`reasoning_content`, thinking blocks), is the reasoning.
    - A thought in the text, in any form that `structure.thought` knows, is the reasoning, and what follows the *last*
      tag that closes it is the response, since reasoning may mention the tag itself, unless the answer stands between
      two of them alone: then the response mentions it. An opening tag behind that is text. A text
      whose template had opened the tag holds only the closing one; an opening tag that nothing closes means that the
      reply was cut off in the reasoning, so there is no response.
    - Without either, a plain chain of thought, all of it is reasoning, and the line that states the final answer is the
      response (all of it, where no line does).
    """
    if separate is not None and separate.strip():
        thought = re.sub(r"\s*" + re.escape(REDACTED) + r"\s*", "\n\n", separate).strip()
        if not thought:
            return Parts("", _spoken(text), redacted=True)
        return Parts(_untagged(thought), _spoken(text))
    cut = cut_thought(text)
    if cut.form == "unclosed" or (cut.form == "none" and _TAG.search(text)):
        return Parts(_untagged(text if cut.thought is None else cut.thought), "", open_ended=True)
    if cut.first is not None and final_answer(cut.text) is None and final_answer(cut.first.text) is not None:
        cut = cut.first
    if cut.thought is not None:
        return Parts(_untagged(cut.thought), _SOLUTION.sub("", cut.text).strip())
    plain = _untagged(cut.text)
    return Parts(plain, _answer_line(plain) or plain)


def split_reply(text: str, separate: str | None = None) -> Parts:
    """The same for a teacher's reply, which may hold an empty thought and the working in what follows: that is a plain
    chain of thought."""
    parts = split_reasoning(text, separate)
    if parts.reasoning or parts.redacted or parts.open_ended:
        return parts
    return split_reasoning(parts.response)


def _spoken(text: str) -> str:
    """The response beside reasoning that the server gave apart. A tag inside of it is text; a whole thought at its
    beginning is the same again."""
    cut = cut_thought(text)
    if cut.form == "closed" or (cut.form == "template_opened" and not cut.thought):
        text = cut.text
    return _SOLUTION.sub("", text).strip()


def _untagged(text: str) -> str:
    return _SOLUTION.sub("", _TAG.sub("", text)).strip()


def _answer_line(text: str) -> str | None:
    if final_answer(text) is None:  # the last one was cut off: no earlier line states it
        return None
    for line in reversed(text.split("\n")):
        if line.strip() and states_answer(line):
            return line.strip()
    return None
