"""A chat-completions server for tests: `python -m tests.support.openai_server --port 0` prints its port."""

from __future__ import annotations

from typing import Any

from tests.support.fake_server import Answer, Protocol, parser, serve, usage_words

_TYPES = {"quota": "insufficient_quota", "401": "invalid_api_key", "404": "model_not_found"}


class OpenAI(Protocol):
    path = "/v1/chat/completions"

    def reply(self, body: dict[str, Any], answer: Answer) -> dict[str, Any]:
        prompt, text, reasoning = usage_words(body, answer)
        message: dict[str, Any] = {"role": "assistant", "content": answer["text"]}
        thought, field = answer.get("reasoning"), self.options.reasoning
        if not thought or field == "none":
            reasoning = 0
        elif field == "think":
            message["content"] = f"<think>\n{thought}\n</think>\n\n{answer['text']}"
        else:
            message[field] = thought
        choice: dict[str, Any] = {
            "index": 0,
            "message": message,
            "finish_reason": "content_filter"
            if answer.get("finish_reason") == "refusal"
            else answer.get("finish_reason", "stop"),
            "logprobs": None,
        }
        if body.get("logprobs"):
            choice["logprobs"] = {
                "content": [
                    {"token": word, "logprob": -0.1, "top_logprobs": [{"token": word, "logprob": -0.1}]}
                    for word in answer["text"].split()
                ]
            }
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [choice],
            "usage": {
                "prompt_tokens": prompt,
                "completion_tokens": text + reasoning,
                "total_tokens": prompt + text + reasoning,
                "prompt_tokens_details": {"cached_tokens": prompt // 2},
                "completion_tokens_details": {"reasoning_tokens": reasoning},
            },
        }

    def error(self, kind: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        said = f"The model {body['model']} does not exist" if kind == "404" else f"fault {kind} for key {key}"
        code = _TYPES.get(kind, "fault")
        return {"error": {"message": said, "type": code, "code": code}}


if __name__ == "__main__":
    arguments = parser(__doc__ or "")
    arguments.add_argument(
        "--reasoning", choices=["reasoning_content", "reasoning", "think", "none"], default="reasoning_content"
    )
    options = arguments.parse_args()
    serve(OpenAI(options), options)
