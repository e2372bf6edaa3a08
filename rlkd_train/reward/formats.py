"""Rewards for the outer form of a completion: what `prompts/student.j2` asks for. Pure."""

from __future__ import annotations

import re

from rlkd_data.answers.final import last_boxed
from rlkd_data.collect.normalise import split_reasoning

_THINK = re.compile(r"(?:\s*+<think>)?+(?:(?!</?think>).)++</think>(?:(?!</?think>).)++", re.DOTALL)
_BOX = re.compile(r"\\boxed\s*\{")


def format_score(text: str) -> float:
    r"""Half for one closed `<think>` block with a response behind it, half for a `\boxed{}` in the response."""
    thought = _THINK.fullmatch(text) is not None
    return 0.5 * thought + 0.5 * (last_boxed(split_reasoning(text).response) is not None)


def tag_count(text: str) -> float:
    r"""A quarter for each of: one closing `</think>`; before it at most one opening tag, which is the text's first word
    (the chat template may have written it); a `\boxed{}` behind it; and no second box there. Partial credit for a form
    that is not yet whole, as the reference implementation's tag count gives for its tags."""
    before, closing, after = text.partition("</think>")
    boxes = len(_BOX.findall(after))
    opened = before.count("<think>")
    return 0.25 * sum(
        (
            text.count("</think>") == 1,
            bool(closing) and (opened == 0 or (opened == 1 and before.lstrip().startswith("<think>"))),
            boxes >= 1,
            boxes == 1,
        )
    )
