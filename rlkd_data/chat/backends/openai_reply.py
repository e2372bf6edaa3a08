"""A chat completion's body to a reply, whether it came online or as a line of a batch's results."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from rlkd_data.chat.backends.failures import Endpoint, malformed
from rlkd_data.chat.money.tokens import count, field
from rlkd_data.chat.types import FinishReason, Reply
from rlkd_data.schema import Usage

_FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length", "content_filter": "refusal"}


def read_reply(at: Endpoint, body: dict[str, Any]) -> Reply:
    """A reply from the body of a chat completion. Raises Retryable for what is none."""
    try:
        choice = body["choices"][0]
        message = choice["message"]
        refusal = message.get("refusal")
        text = _text(message.get("content")) or refusal or ""
        reasoning = message.get("reasoning_content") or message.get("reasoning") or None
        finish = _FINISH.get(choice.get("finish_reason"), "other")
        logprobs = tuple((choice.get("logprobs") or {}).get("content") or ())
        usage = _usage(body.get("usage"))
    except (KeyError, IndexError, TypeError, AttributeError):
        said = json.dumps(body.get("error") or "its fields are not those of a completion")
        raise malformed(at, said, _charged(body)) from None
    if not isinstance(text, str) or not (reasoning is None or isinstance(reasoning, str)):
        raise malformed(at, "its text is not a string", usage)
    return Reply(
        text=text,
        reasoning=reasoning,
        finish_reason="refusal" if refusal else finish,
        usage=usage,
        model=str(body.get("model") or at.model),
        created_at=datetime.now(UTC),
        logprobs=logprobs,
    )


def _text(content: Any) -> Any:
    """A message's text; some servers send it in parts."""
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content if part.get("type") == "text")
    return content


def _charged(body: dict[str, Any]) -> Usage | None:
    """What a body that is no reply says it cost."""
    usage = _usage(body.get("usage"))
    return usage if usage != Usage() else None


def _usage(usage: Any) -> Usage:
    return Usage(
        prompt_tokens=count(field(usage, "prompt_tokens")),
        cached_tokens=count(field(field(usage, "prompt_tokens_details"), "cached_tokens")),
        completion_tokens=count(field(usage, "completion_tokens")),
        reasoning_tokens=count(field(field(usage, "completion_tokens_details"), "reasoning_tokens")),
    )
