"""What strange servers answer: one function a way, from a request's body and its number (from 1, of that way)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

THOUGHT = "There are 5 rows of 9 chairs, so 45 chairs. Of these 3 are broken, and 42 can be used."
ANSWER = "It is \\boxed{42}."


@dataclass(frozen=True)
class Said:
    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Way = Callable[[dict[str, Any], int], Said]


def chat(message: dict[str, Any], finish: Any = "stop", **choice: Any) -> Said:
    """A chat completion."""
    usage = {"prompt_tokens": 20, "completion_tokens": 30}
    choices = [{"index": 0, "message": {"role": "assistant"} | message, "finish_reason": finish} | choice]
    return Said({"model": "m", "choices": choices, "usage": usage})


def claude(*blocks: dict[str, Any], stop: str | None = "end_turn") -> Said:
    """A message of Anthropic's protocol."""
    usage = {"input_tokens": 20, "output_tokens": 30}
    return Said({"type": "message", "model": "m", "content": list(blocks), "stop_reason": stop, "usage": usage})


def usual(body: dict[str, Any], number: int) -> Said:
    return chat({"content": ANSWER, "reasoning_content": THOUGHT})


def error(status: int, message: str, **more: Any) -> Said:
    return Said({"error": {"message": message} | more}, status)


def refuses(complaint: Callable[[str], Said], *fields: str, until: Way = usual) -> Way:
    """Takes none of these fields, and complains of one at a time."""

    def way(body: dict[str, Any], number: int) -> Said:
        found = next((name for name in fields if name in body), None)
        return until(body, number) if found is None else complaint(found)

    return way


def forbidden(name: str) -> Said:
    """As pydantic says it."""
    detail = [{"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted", "input": 0}]
    return Said({"object": "error", "message": {"detail": detail}}, 422)


def takes_one_name(body: dict[str, Any], number: int) -> Said:
    if "max_tokens" in body:
        return error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.", param="max_tokens")
    return usual(body, number)


def one_of_two(body: dict[str, Any], number: int) -> Said:
    if "temperature" in body and "top_p" in body:
        return error(400, "`temperature` and `top_p` cannot both be specified for this model")
    return usual(body, number)


def only_its_default(body: dict[str, Any], number: int) -> Said:
    if body.get("temperature", 1) != 1:
        said = f"'temperature' does not support {body['temperature']}. Only the default (1) value is supported."
        return error(400, said, param="temperature", code="unsupported_value")
    return usual(body, number)


def small_context(body: dict[str, Any], number: int) -> Said:
    asked = body.get("max_tokens", 0)
    if asked > 3900:
        said = f"This model's maximum context length is 4096 tokens. However, you requested {asked + 196} tokens "
        return error(400, said + f"(196 in the messages, {asked} in the completion). Please reduce the length.")
    return usual(body, number)


def short_replies(body: dict[str, Any], number: int) -> Said:
    if body.get("max_tokens", 0) > 4096:
        return error(400, "Invalid max_tokens value, the valid range of max_tokens is [1, 4096]")
    return usual(body, number)


def says_no_number(body: dict[str, Any], number: int) -> Said:
    return error(400, "max_tokens is too large for this deployment") if "max_tokens" in body else usual(body, number)


def thinks(body: dict[str, Any], number: int) -> Said:
    return claude({"type": "thinking", "thinking": THOUGHT, "signature": "s"}, {"type": "text", "text": ANSWER})


WAYS: dict[str, Way] = {
    "usual": usual,
    "renames": takes_one_name,
    "only_default": only_its_default,
    "forbids": refuses(forbidden, "seed", "top_p"),
    "unrecognised": refuses(lambda n: error(400, f"Unrecognized request argument supplied: {n}"), "seed"),
    "one_of_two": one_of_two,
    "small_context": small_context,
    "short_replies": short_replies,
    "says_no_number": says_no_number,
    "claude_new": refuses(lambda n: error(400, f"`{n}` is deprecated for this model."), "temperature", until=thinks),
}
