"""What a server says that it has counted, as far as it can be believed. Pure."""

from __future__ import annotations

from typing import Any

from rlkd_data.chat.types import Reply
from rlkd_data.schema import Usage

MOST = 100_000_000
"""Tokens: ten times the longest context that any model has. Whatever says more has counted nothing."""


def count(value: Any) -> int:
    """A count from a body: servers leave some out, and send null, floats, booleans or worse for others. 0 for what is
    no count."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MOST:
        return 0
    return int(value) if value == int(value) else 0


def field(value: Any, name: str) -> Any:
    """A field of what should be an object; None where it is none."""
    return value.get(name) if isinstance(value, dict) else None


def charged(usage: Usage) -> Usage | None:
    """What a body that is no reply says it cost; None where it says nothing."""
    return usage if usage != Usage() else None


def cleaned(usage: Usage) -> Usage:
    """The counts that are none, as 0: a store may hold what an earlier version took."""
    names = ("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens")
    return Usage(*(count(getattr(usage, name)) for name in names))


def believable(reply: Reply) -> bool:
    """Whether the usage of a reply can be what it took: there was a prompt, and a text has tokens."""
    usage = reply.usage
    return usage.prompt_tokens > 0 and (usage.completion_tokens > 0 or not (reply.text or reply.reasoning))
