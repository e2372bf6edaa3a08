"""A message's body to a reply, whether it came online or as a line of a batch's results."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from rlkd_data.chat.backends.failures import Endpoint, malformed
from rlkd_data.chat.money.tokens import count, field
from rlkd_data.chat.types import FinishReason, Reply
from rlkd_data.schema import Usage

_FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}
_REDACTED = "[redacted thinking]"
_WRITTEN = "cache_creation_input_tokens"


def read_reply(at: Endpoint, body: dict[str, Any]) -> Reply:
    """A reply from the body of a message. Raises Retryable for what is none."""
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
                    thoughts.append(_REDACTED)
        text, reasoning = "".join(texts), "\n\n".join(thoughts) or None
        finish = _FINISH.get(body.get("stop_reason") or "", "other")
        usage, written = _usage(body.get("usage")), count(field(body.get("usage"), _WRITTEN))
    except (KeyError, TypeError, AttributeError):
        said = json.dumps(body.get("error") or "its fields are not those of a message")
        raise malformed(at, said, _charged(body)) from None
    return Reply(
        text=text,
        reasoning=reasoning,
        finish_reason=finish,
        usage=usage,
        model=str(body.get("model") or at.model),
        created_at=datetime.now(UTC),
        cache_written=written,
    )


def _charged(body: dict[str, Any]) -> Usage | None:
    """What a body that is no reply says it cost."""
    usage = _usage(body.get("usage"))
    return usage if usage != Usage() else None


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
