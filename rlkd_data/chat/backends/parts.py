"""Where servers put a model's reasoning, and how they say that a reply has ended. Pure."""

from __future__ import annotations

from typing import Any

from rlkd_data.chat.types import FinishReason

REDACTED = "[redacted thinking]"
"""Stands in a reply's reasoning for what the provider gives in cipher alone; no student learns to write it."""
_FIELDS = ("reasoning_content", "reasoning", "thinking", "thinking_content", "reasoning_text", "thinking_blocks")
_INSIDE = ("text", "thinking", "reasoning", "content", "summary")
_SPOKEN = ("text", "output_text", None)
_WORDS: dict[FinishReason, str] = {
    "stop": "stop eos eos_token end_turn stop_sequence stop_token end complete completed",
    "length": "length max_tokens max_length max_new_tokens max_output_tokens token_limit model_length "
    "model_context_window_exceeded",
    "refusal": "content_filter content_filtered refusal safety recitation sensitive prohibited_content blocklist spii "
    "error_toxic image_safety",
}
_ENDS = {word: reason for reason, words in _WORDS.items() for word in words.split()}
BROKEN = frozenset(
    {"error", "network_error", "insufficient_system_resource", "abort", "aborted", "cancelled", "failed"}
)
"""Reasons by which a server says that it, not the model, ended the reply."""


def finish_of(said: Any) -> FinishReason:
    """Why a reply ended, in our words; `other` for nothing, for what is unknown, and for what is no end of a reply
    (`tool_calls`, `pause_turn`). Raises TypeError for what is no word."""
    if isinstance(said, dict):  # SGLang's own form
        said = said.get("type")
    if said is not None and not isinstance(said, str):
        raise TypeError("a finish reason is a word")
    word = (said or "").lower().removeprefix("finish_reason_").partition(":")[0].strip()  # Gemini says more behind it
    return _ENDS.get(word, "other")


def spoken(content: Any) -> Any:
    """A message's text; some servers send it in parts, beside those of its thought. Raises TypeError or AttributeError
    for parts that are none."""
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content if part.get("type") in _SPOKEN)
    return content


def refused(message: dict[str, Any]) -> Any:
    """What a model says in place of an answer; None where it does not refuse."""
    if found := message.get("refusal"):
        return found
    content = message.get("content")
    parts = [part for part in content if part.get("type") == "refusal"] if isinstance(content, list) else []
    return "".join(str(part.get("refusal") or "") for part in parts) or None


def thought(message: dict[str, Any]) -> Any:
    """The reasoning that a message holds apart from its text, in whatever field and form; None without one."""
    for name in _FIELDS:
        if found := _flat(message.get(name)):
            return found
    content = message.get("content")
    inside = (
        [part for part in content if part.get("type") not in (*_SPOKEN, "refusal")]
        if isinstance(content, list)
        else None
    )
    return _flat(inside) or _flat(message.get("reasoning_details")) or None


def _flat(value: Any) -> Any:
    """The text of a thought, given as it is, in parts, or in parts of parts."""
    if isinstance(value, list):
        return "".join(_flat(one) or "" for one in value) if _is_one_text(value) else "\n\n".join(_texts(value))
    if isinstance(value, dict):
        if "redacted" in str(value.get("type")) or "encrypted" in str(value.get("type")):
            return REDACTED
        return next((found for name in _INSIDE if (found := _flat(value.get(name)))), "")
    return value


def _texts(values: list[Any]) -> list[str]:
    return [text for one in values if (text := _flat(one))]


def _is_one_text(values: list[Any]) -> bool:
    """Whether parts are pieces of one text: Magistral's are; a provider's blocks of thought stand for themselves."""
    return all(isinstance(one, dict) and one.get("type") in (*_SPOKEN, "reasoning.text") for one in values)
