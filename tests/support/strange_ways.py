"""What strange servers answer: one function a way, from a request's body and its number (from 1, of that way)."""

from __future__ import annotations

import json
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


def at_first(bad: Said, times: int = 2, then: Way = usual) -> Way:
    """Answers so a few times, and well from then on."""
    return lambda body, number: bad if number <= times else then(body, number)


def always(said: Said) -> Way:
    return lambda body, number: said


def streamed(*events: Any, comment: str = "") -> Said:
    lines = [comment, *(f"data: {json.dumps(event)}\n\n" for event in events), "data: [DONE]\n\n"]
    return Said("".join(lines), headers={"Content-Type": "text/event-stream"})


def delta(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def page(title: str, status: int) -> Said:
    text = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>…</body></html>"
    return Said(text, status, {"Content-Type": "text/html"})


GEMINI = "You exceeded your current quota, please check your plan and billing details. Please retry in 0.2s."
HALF = {"content": "A first guess is \\boxed{42}. But wait", "reasoning_content": THOUGHT}
CLOSED = {"code": 502, "message": "Provider hung up"}
BROKEN_OFF: dict[str, Way] = {
    "choice_error": always(chat(HALF, "error", error=CLOSED)),
    "finish_error": always(chat(HALF, "ERROR")),
    "out_of_resources": always(chat(HALF, "insufficient_system_resource")),
    "aborted": always(chat(HALF, "abort")),
    "body_error": always(Said(chat(HALF, None).body | {"error": CLOSED})),
    "broken_stream": always(streamed(delta(**HALF), {"error": CLOSED, **delta("error")})),
}
NOT_ENDED: dict[str, Way] = {
    "finish_null": always(chat({"content": ANSWER, "reasoning": THOUGHT}, None)),
    "finish_unknown": always(chat({"content": ANSWER, "reasoning": THOUGHT}, "paused")),
    "tool_calls": always(chat({"content": ANSWER, "reasoning": THOUGHT}, "tool_calls")),
    "pause_turn": always(claude({"type": "text", "text": ANSWER}, stop="pause_turn")),
}
PASSING: dict[str, Way] = {
    "gemini": at_first(Said([{"error": {"code": 429, "message": GEMINI, "status": "RESOURCE_EXHAUSTED"}}], 429)),
    "page_502": at_first(page("502 Bad Gateway", 502)),
    "error_in_200": at_first(error(200, "Rate limit exceeded: 20 a minute", code=429)),
    "type_in_200": at_first(
        Said({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}), 1, thinks
    ),
    "hung_up_once": at_first(chat(HALF, "error", error=CLOSED)),
    "stream": always(
        streamed(
            delta(role="assistant", reasoning_content=THOUGHT[:20]),
            delta(reasoning_content=THOUGHT[20:]),
            delta(content=ANSWER),
            delta("stop"),
            {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}},
            comment=": PROCESSING\n\n",
        )
    ),
    "commented": lambda body, number: Said(": PROCESSING\n\n" + json.dumps(usual(body, number).body)),
    "claude_stream": always(
        streamed(
            {"type": "message_start", "message": {"model": "m", "content": [], "usage": {"input_tokens": 5}}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": THOUGHT}},
            {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": ANSWER}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
        )
    ),
}


def asks_to_wait(value: str) -> Way:
    return at_first(Said({"error": {"message": "Daily limit reached"}}, 429, {"Retry-After": value}))


WAITS: dict[str, Way] = {
    "wait_an_hour": asks_to_wait("3600"),
    "wait_for_ever": asks_to_wait("999999999"),
    "wait_till_2099": asks_to_wait("Fri, 01 May 2099 12:00:00 GMT"),
}
RAW = '{"detail": "this host takes at most 10 messages"}'
LASTING: dict[str, Way] = {
    "sign_in": always(page("Sign in – Corp &amp; Co", 200)),
    "other_stream": always(Said("event: ping\ndata: {}\n\n", headers={"Content-Type": "text/event-stream"})),
    "behind": always(error(400, "Provider returned error", metadata={"raw": RAW, "provider_name": "SomeHost"})),
    "empty_account": always(error(429, "You exceeded your current quota", code="insufficient_quota")),
    "no_balance": always(error(402, "Insufficient Balance")),
    "key_in_200": always(error(200, "No auth credentials found", code=401)),
    "details": always(
        Said({"detail": [{"loc": ["body", "messages", 0], "msg": "wrong role", "type": "value_error"}]}, 422)
    ),
}

WAYS: dict[str, Way] = (
    BROKEN_OFF
    | NOT_ENDED
    | PASSING
    | WAITS
    | LASTING
    | {
        "usual": usual,
        "renames": takes_one_name,
        "only_default": only_its_default,
        "forbids": refuses(forbidden, "seed", "top_p"),
        "unrecognised": refuses(lambda n: error(400, f"Unrecognized request argument supplied: {n}"), "seed"),
        "one_of_two": one_of_two,
        "small_context": small_context,
        "short_replies": short_replies,
        "says_no_number": says_no_number,
        "claude_new": refuses(
            lambda n: error(400, f"`{n}` is deprecated for this model."), "temperature", until=thinks
        ),
    }
)
