"""A messages server for tests: `python -m tests.support.anthropic_server --port 0` prints its port."""

from __future__ import annotations

from typing import Any

from tests.support.fake_server import Answer, Protocol, parser, serve, usage_words

_STOP = {"stop": "end_turn", "length": "max_tokens", "refusal": "refusal"}


class Anthropic(Protocol):
    path = "/v1/messages"

    def reply(self, body: dict[str, Any], answer: Answer) -> dict[str, Any]:
        prompt, text, reasoning = usage_words(body, answer)
        content: list[dict[str, Any]] = []
        if answer.get("reasoning") and self.options.thinking != "none":
            content.append({"type": "thinking", "thinking": answer["reasoning"], "signature": "c2ln"})
            if self.options.thinking == "redacted":
                content.append({"type": "redacted_thinking", "data": "AAAA"})
        content.append({"type": "text", "text": answer["text"]})
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": content,
            "stop_reason": _STOP[answer.get("finish_reason", "stop")],
            "stop_sequence": None,
            "usage": {
                "input_tokens": prompt,
                "cache_read_input_tokens": 5,
                "cache_creation_input_tokens": 2,
                "output_tokens": text + reasoning,
                "output_tokens_details": {"thinking_tokens": reasoning},
            },
        }

    def error(self, kind: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        kinds = {"529": "overloaded_error", "401": "authentication_error", "404": "not_found_error"}
        return {
            "type": "error",
            "error": {"type": kinds.get(kind, "api_error"), "message": f"fault {kind} for key {key}"},
        }


if __name__ == "__main__":
    arguments = parser(__doc__ or "")
    arguments.add_argument("--thinking", choices=["thinking", "redacted", "none"], default="thinking")
    options = arguments.parse_args()
    serve(Anthropic(options), options)
