"""A chat completion's body to a reply, whether it came online or as a line of a batch's results."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from rlkd_data.chat.backends.failures import Endpoint, error_in, malformed, unfinished
from rlkd_data.chat.backends.parts import BROKEN, finish_of, refused, spoken, thought
from rlkd_data.chat.backends.said import sentence
from rlkd_data.chat.money.tokens import charged, count, field
from rlkd_data.chat.types import Reply
from rlkd_data.schema import Usage

_SAYING, _NAMED = ("error", "errors", "detail", "message"), 8
"""Fields of a body without a completion that say why; and how many names of its fields are told."""


def read_reply(at: Endpoint, body: dict[str, Any]) -> Reply:
    """A reply from the body of a chat completion. Raises Retryable for what is none, Unfinished for one that the server
    broke off, and what an error in its place means."""
    paid = charged(_usage(body.get("usage")))
    try:
        return _read(at, body, paid)
    except RecursionError:
        raise malformed(at, "its parts hold parts, deeper than can be read", paid) from None


def _read(at: Endpoint, body: dict[str, Any], paid: Usage | None) -> Reply:
    if body.get("error") and not body.get("choices"):
        raise error_in(at, body, paid)
    try:
        choice = body["choices"][0]
        said = choice.get("finish_reason")
        message = choice.get("message") or choice["delta"]  # one chunk of a stream that nobody asked for
        refusal = refused(message)
        text = spoken(message.get("content")) or refusal or ""
        reasoning = thought(message)
        finish = finish_of(said)
        logprobs = tuple((choice.get("logprobs") or {}).get("content") or ())
        usage = _usage(body.get("usage"))
    except (KeyError, IndexError, TypeError, AttributeError):
        raise malformed(at, _other(body), paid) from None
    if not isinstance(text, str) or not (reasoning is None or isinstance(reasoning, str)):
        raise malformed(at, "its text is not a string", usage)
    error = choice.get("error") or body.get("error")
    if error or str(said).lower() in BROKEN:
        raise unfinished(at, json.dumps(error) if error else f"finish_reason {said!r}", paid)
    return Reply(
        text=text,
        reasoning=reasoning,
        finish_reason="refusal" if refusal else finish,
        usage=usage,
        model=at.hide(str(body.get("model") or at.model)),  # it is stored, and a server may repeat the key
        created_at=datetime.now(UTC),
        logprobs=logprobs,
        fingerprint=fingerprint if isinstance(fingerprint := body.get("system_fingerprint"), str) else None,
    )


def _other(body: dict[str, Any]) -> str:
    """What a body says that is no completion, or at least what it holds."""
    told = {name: body[name] for name in _SAYING if body.get(name)}
    said = sentence(json.dumps(told)) if told and not body.get("choices") else "{"
    names = ", ".join(list(body)[:_NAMED]) or "none"
    return f"its fields ({names}) are not those of a completion" if said.startswith("{") else said


def _usage(usage: Any) -> Usage:
    return Usage(
        prompt_tokens=count(field(usage, "prompt_tokens")),
        cached_tokens=count(field(field(usage, "prompt_tokens_details"), "cached_tokens")),
        completion_tokens=count(field(usage, "completion_tokens")),
        reasoning_tokens=count(field(field(usage, "completion_tokens_details"), "reasoning_tokens")),
    )
