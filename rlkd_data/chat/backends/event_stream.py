"""A stream of events that nobody asked for, as the body that it makes up: some gateways stream whatever they are asked.
Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_FIELDS = ("data:", "event:", "id:", "retry:", ":")
_JOINED = ("content", "reasoning_content", "reasoning", "refusal")
_DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}


def is_stream(text: str) -> bool:
    """Whether a body is an event stream (server-sent events)."""
    lines = (line for line in text.lstrip().split("\n", 50) if line.strip() and not line.startswith(":"))
    first = next(lines, "")
    return first.startswith(_FIELDS)


def without_comments(text: str) -> str:
    """A body without the comments that keep a connection open (": PROCESSING"), which some servers send before it."""
    while (text := text.lstrip("\ufeff \t\r\n")).startswith(":"):
        _, _, text = text.partition("\n")
    return text


def assembled(text: str) -> dict[str, Any] | None:
    """The body that the events make up together: a chat completion, or a message of Anthropic's. An event that is an
    error is the body. None where they are of neither kind, or cannot be read."""
    try:
        events = list(_events(text))
        error = next((event for event in events if event.get("error") and not event.get("choices")), None)
        if error is not None:
            return error
        if any("choices" in event for event in events):
            return _completion(events)
        if any(event.get("type") == "message_start" for event in events):
            return _message(events)
    except (ValueError, RecursionError, KeyError, IndexError, TypeError, AttributeError):
        return None
    return None


def _events(text: str) -> Iterator[dict[str, Any]]:
    for block in text.replace("\r\n", "\n").split("\n\n"):
        data = [line[5:].removeprefix(" ") for line in block.split("\n") if line.startswith("data:")]
        joined = "\n".join(data).strip()
        if joined and joined != "[DONE]":
            event = json.loads(joined)
            if isinstance(event, dict):
                yield event


def _completion(events: list[dict[str, Any]]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None}
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": None}
    body: dict[str, Any] = {"choices": [choice]}
    for event in events:
        body |= {name: event[name] for name in ("model", "usage", "error") if event.get(name)}
        for part in event.get("choices") or ():
            if part.get("index"):
                continue
            choice |= {name: part[name] for name in ("finish_reason", "error") if part.get(name)}
            delta = part.get("delta") or part.get("message") or {}
            for name in _JOINED:
                if isinstance(delta.get(name), str):
                    message[name] = (message.get(name) or "") + delta[name]
                elif isinstance(delta.get(name), list):
                    message[name] = (message.get(name) or []) + delta[name]
            if delta.get("reasoning_details"):
                message["reasoning_details"] = [*message.get("reasoning_details", ()), *delta["reasoning_details"]]
    return body


def _message(events: list[dict[str, Any]]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    blocks: dict[int, dict[str, Any]] = {}
    for event in events:
        match event.get("type"):
            case "message_start":
                body = dict(event["message"])
            case "content_block_start":
                blocks[event["index"]] = dict(event["content_block"])
            case "content_block_delta":
                delta, block = event["delta"], blocks[event["index"]]
                name = _DELTAS.get(delta["type"])
                if name is not None:
                    block[name] = block.get(name, "") + delta[name]
            case "message_delta":
                body |= {name: value for name, value in event["delta"].items() if value is not None}
                body["usage"] = (body.get("usage") or {}) | (event.get("usage") or {})
    return body | {"content": [blocks[number] for number in sorted(blocks)]}
