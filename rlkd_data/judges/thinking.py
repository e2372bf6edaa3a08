"""A judge that thinks before it speaks: its thought is cut off, and it is given room for one."""

from __future__ import annotations

from rlkd_data.chat.types import Reply
from rlkd_data.structure.thought import cut_thought

ROOM = 4096
"""Tokens for a thought, beside those of the verdict."""


def spoken(reply: Reply) -> str:
    """What a judge says, without its thought."""
    return cut_thought(reply.text).text.strip()


def needs_room(reply: Reply) -> bool:
    """Whether a reply ended within a thought: one that the server keeps apart, or that stands in the text."""
    if reply.finish_reason != "length":
        return False
    return bool(reply.reasoning) or not reply.text.strip() or cut_thought(reply.text).form != "none"
