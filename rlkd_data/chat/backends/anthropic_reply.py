"""A message's body to a reply, whether it came online or as a line of a batch's results."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rlkd_data.chat.backends.failures import Endpoint, error_in, malformed, unfinished
from rlkd_data.chat.backends.parts import BROKEN, REDACTED, finish_of
from rlkd_data.chat.money.tokens import charged, count, field
from rlkd_data.chat.types import Reply
from rlkd_data.schema import Usage

_WRITTEN = "cache_creation_input_tokens"


def read_reply(at: Endpoint, body: dict[str, Any]) -> Reply:
    """A reply from the body of a message. Raises Retryable for what is none, Unfinished for one that the server broke
    off, and what an error in its place means."""
    paid = charged(_usage(body.get("usage")))
    try:
        return _read(at, body, paid)
    except RecursionError:
        raise malformed(at, "its parts hold parts, deeper than can be read", paid) from None


def _read(at: Endpoint, body: dict[str, Any], paid: Usage | None) -> Reply:
    if body.get("error"):
        raise error_in(at, body, paid)
    texts: list[str] = []
    thoughts: list[str] = []
    try:
        for block in body["content"]:
            match block["type"]:
                case "text":
                    texts.append(block["text"])
                case "thinking":
                    thoughts.append(block["thinking"])
                case "redacted_thinking":
                    thoughts.append(REDACTED)
        text, reasoning = "".join(texts), "\n\n".join(thoughts) or None
        finish = finish_of(body.get("stop_reason"))
        usage, written = _usage(body.get("usage")), count(field(body.get("usage"), _WRITTEN))
    except (KeyError, TypeError, AttributeError):
        raise malformed(at, "its fields are not those of a message", paid) from None
    if body.get("stop_reason") in BROKEN:
        raise unfinished(at, f"stop_reason {body['stop_reason']!r}", paid)
    return Reply(
        text=text,
        reasoning=reasoning,
        finish_reason=finish,
        usage=usage,
        model=at.hide(str(body.get("model") or at.model)),  # it is stored, and a server may repeat the key
        created_at=datetime.now(UTC),
        cache_written=written,
    )


def _usage(usage: Any) -> Usage:
    """Anthropic counts what was read from and written to its cache apart from the other input tokens."""
    cached = count(field(usage, "cache_read_input_tokens"))
    written = count(field(usage, _WRITTEN))
    return Usage(
        prompt_tokens=count(field(usage, "input_tokens")) + cached + written,
        cached_tokens=cached,
        completion_tokens=count(field(usage, "output_tokens")),
        reasoning_tokens=count(field(field(usage, "output_tokens_details"), "thinking_tokens")),
    )
