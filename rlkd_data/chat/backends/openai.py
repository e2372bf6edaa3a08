"""`openai:` – the chat completions of OpenAI and of every server that speaks its protocol (vLLM, SGLang, llama.cpp …).

The SDK carries the request; bodies are read by `openai_reply`, because compatible servers add fields (reasoning) and
leave others out, and because a retry is the scheduler's business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from rlkd_data.chat.backends.controls import headers, openai_body, version_of
from rlkd_data.chat.backends.failures import endpoint
from rlkd_data.chat.backends.openai_reply import read_reply
from rlkd_data.chat.backends.sdk import Connection
from rlkd_data.chat.backends.wants import Wants, sampling_of
from rlkd_data.chat.batch.state import Provider
from rlkd_data.chat.money.prices import listed
from rlkd_data.chat.types import Rejected, Reply, Request
from rlkd_data.config import ChatSettings
from rlkd_data.schema import Sampling

DEFAULT_URL = "https://api.openai.com/v1"
VARIABLE = "OPENAI_API_KEY"
_REASONS = re.compile(r"o\d+(-|$)|gpt-5(?![.\d]|-chat)")
"""Models of OpenAI that take no temperature and no top_p but 1."""


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
            headers=headers(settings),
        )
        self._settings = settings
        self.prices = listed(name, "openai" if self._at.base_url == DEFAULT_URL else None, self._at.base_url)
        self._wants = Wants(f"{self.model} at {self._at.base_url}")
        self._connection = Connection(self._at, "openai", "AsyncOpenAI", settings.timeout)

    def wire(self, request: Request) -> dict[str, Any]:
        """The URL and the body of the request."""
        sampling = request.sampling
        own = self._at.base_url == DEFAULT_URL
        length = "max_completion_tokens" if own else "max_tokens"
        fixed = own and _REASONS.match(self._name) is not None
        body: dict[str, Any] = {
            "model": self._name,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            "temperature": None if fixed and sampling.temperature != 1 else sampling.temperature,
            "top_p": None if fixed and sampling.top_p != 1 else sampling.top_p,
            length: sampling.max_tokens,
            "seed": sampling.seed,
            "stop": list(request.stop) or None,
        }
        body |= openai_body(self._settings, self._at.base_url)
        if request.schema_json is not None:
            schema = {"name": "reply", "schema": json.loads(request.schema_json), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if request.top_logprobs is not None:
            body |= {"logprobs": True, "top_logprobs": request.top_logprobs}
        return {
            "backend": "openai",
            "base_url": self._at.base_url,
            "body": self._wants.apply({name: value for name, value in body.items() if value is not None}),
        } | version_of(self._settings)

    async def ask(self, wire: dict[str, Any]) -> Reply:
        """Ask once. Raises Retryable, Rejected, Adapted or Hopeless."""
        self._wants.check(wire["body"])
        try:
            return read_reply(self._at, await self._connection.post("/chat/completions", wire["body"]))
        except Rejected as refused:
            raise self._wants.lesson(refused, wire["body"]) from None

    async def listed_models(self) -> dict[str, Any]:
        """The models that the server says it has (`/models`). Raises Retryable, Rejected or Hopeless."""
        return await self._connection.get("/models")

    def sent(self, wire: dict[str, Any], asked: Sampling) -> Sampling:
        """How a reply to this wire is drawn."""
        return sampling_of(wire["body"], asked)

    def watch_headers(self, see: Callable[[Mapping[str, str], float], None]) -> None:
        """Tell `see` of every reply's headers, and the seconds since its request was sent."""
        self._connection.watch = see

    def learn_with(self, other: OpenAIBackend) -> None:
        """Share with another server of the same model what it takes and what it refuses."""
        self._wants = other._wants

    def batches(self) -> Provider:
        from rlkd_data.chat.batch.openai import OpenAIBatches

        return OpenAIBatches(self._at, self._connection)

    async def close(self) -> None:
        await self._connection.close()
