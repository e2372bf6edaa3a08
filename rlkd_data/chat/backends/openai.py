"""`openai:` – the chat completions of OpenAI and of every server that speaks its protocol (vLLM, SGLang, llama.cpp …).

The SDK carries the request; bodies are read here, because compatible servers add fields (reasoning) and leave others
out, and because a retry is the scheduler's business.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from rlkd_data.chat.backends.failures import Endpoint, count, endpoint, malformed
from rlkd_data.chat.backends.sdk import Connection
from rlkd_data.chat.batch.state import Provider
from rlkd_data.chat.money.prices import listed
from rlkd_data.chat.types import FinishReason, Reply, Request
from rlkd_data.config import ChatSettings
from rlkd_data.schema import Usage

DEFAULT_URL = "https://api.openai.com/v1"
VARIABLE = "OPENAI_API_KEY"
_FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length", "content_filter": "refusal"}


class OpenAIBackend:
    """One model behind a chat-completions endpoint. `name` is what the server calls it."""

    default_concurrency = 32

    def __init__(self, name: str, settings: ChatSettings, *, keyless: bool = False) -> None:
        self.model = f"openai:{name}"
        self._name = name
        self._at = endpoint(
            self.model,
            settings.base_url,
            default=DEFAULT_URL,
            variable=VARIABLE,
            url_variable="OPENAI_BASE_URL",
            keyless=keyless,
        )
        self.prices = listed(name, "openai" if self._at.base_url == DEFAULT_URL else None, self._at.base_url)
        self._connection = Connection(self._at, "openai", "AsyncOpenAI", settings.timeout)

    def wire(self, request: Request) -> dict[str, Any]:
        """The URL and the body of the request."""
        sampling = request.sampling
        length = "max_completion_tokens" if self._at.base_url == DEFAULT_URL else "max_tokens"
        body: dict[str, Any] = {
            "model": self._name,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            length: sampling.max_tokens,
            "seed": sampling.seed,
            "stop": list(request.stop) or None,
        }
        if request.schema_json is not None:
            schema = {"name": "reply", "schema": json.loads(request.schema_json), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if request.top_logprobs is not None:
            body |= {"logprobs": True, "top_logprobs": request.top_logprobs}
        return {
            "backend": "openai",
            "base_url": self._at.base_url,
            "body": {name: value for name, value in body.items() if value is not None},
        }

    async def ask(self, wire: dict[str, Any]) -> Reply:
        """Ask once. Raises Retryable, Rejected or Hopeless."""
        return read_reply(self._at, await self._connection.post("/chat/completions", wire["body"]))

    def watch_headers(self, see: Callable[[Mapping[str, str], float], None]) -> None:
        """Tell `see` of every reply's headers, and the seconds since its request was sent."""
        self._connection.watch = see

    def batches(self) -> Provider:
        from rlkd_data.chat.batch.openai import OpenAIBatches

        return OpenAIBatches(self._at, self._connection)

    async def close(self) -> None:
        await self._connection.close()


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
        usage = _usage(body.get("usage") or {})
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
    try:
        usage = _usage(body["usage"])
    except (KeyError, TypeError, AttributeError):
        return None
    return usage if usage != Usage() else None


def _usage(usage: dict[str, Any]) -> Usage:
    return Usage(
        prompt_tokens=count(usage.get("prompt_tokens")),
        cached_tokens=count((usage.get("prompt_tokens_details") or {}).get("cached_tokens")),
        completion_tokens=count(usage.get("completion_tokens")),
        reasoning_tokens=count((usage.get("completion_tokens_details") or {}).get("reasoning_tokens")),
    )
