"""Replies by function, for `--reply-function`."""

from __future__ import annotations

from typing import Any

from tests.support.fake_server import Answer, default_answer, prompt_text


def long_for_the_patient(body: dict[str, Any]) -> Answer:
    """Prompts that end in an odd digit need 60 tokens."""
    if int(prompt_text(body)[-1]) % 2 and body.get("max_tokens", 1000) < 60:
        return {"text": "Adding the", "finish_reason": "length"}
    return default_answer(body)
