"""`anthropic:` – the messages of Anthropic, and of servers that speak its protocol, through its SDK.

The protocol knows no seed, so none is sent: another sample is another `sample_index`, which is part of the store's key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from rlkd_data.chat.backends.anthropic_reply import read_reply
from rlkd_data.chat.backends.controls import anthropic_body, headers, version_of
from rlkd_data.chat.backends.failures import endpoint
from rlkd_data.chat.backends.sdk import Connection
from rlkd_data.chat.backends.wants import Wants, sampling_of
from rlkd_data.chat.batch.state import Provider
from rlkd_data.chat.money.prices import listed
from rlkd_data.chat.types import Rejected, Reply, Request
from rlkd_data.config import ChatSettings
from rlkd_data.errors import InputError
from rlkd_data.schema import Sampling

DEFAULT_URL = "https://api.anthropic.com"
VARIABLE = "ANTHROPIC_API_KEY"
_MAX_TOKENS = 8192
"""The protocol wants a limit; this is taken where none is asked for."""


class AnthropicBackend:
    """One model behind a messages endpoint. Raises InputError where Anthropic's own server is meant without a key."""

    default_concurrency = 16
    default_max_tokens = _MAX_TOKENS

    def __init__(self, name: str, settings: ChatSettings, *, keyless: bool = False) -> None:
        self.model = f"anthropic:{name}"
        self._name = name
        self._at = endpoint(
            self.model,
            settings.base_url,
            default=DEFAULT_URL,
            variable=VARIABLE,
            url_variable="ANTHROPIC_BASE_URL",
            keyless=keyless,
            headers=headers(settings),
        )
        self._settings = settings
        self.prices = listed(name, "anthropic" if self._at.base_url == DEFAULT_URL else None, self._at.base_url)
        self._wants = Wants(f"{self.model} at {self._at.base_url}", needed=("max_tokens",))
        self._connection = Connection(self._at, "anthropic", "AsyncAnthropic", settings.timeout)

    def wire(self, request: Request) -> dict[str, Any]:
        """The URL and the body of the request; the system prompt stands apart from the messages."""
        if request.top_logprobs is not None:
            raise InputError(f"{self.model}: this backend gives no log-probabilities")
        sampling = request.sampling
        system, messages = _cacheable(request)
        body: dict[str, Any] = {
            "model": self._name,
            "max_tokens": sampling.max_tokens or _MAX_TOKENS,
            "system": system,
            "messages": messages,
            "temperature": sampling.temperature,
            # Newer models refuse a request that sets both; the temperature says more.
            "top_p": sampling.top_p if sampling.temperature is None else None,
            "stop_sequences": list(request.stop) or None,
        }
        if request.schema_json is not None:
            body["output_config"] = {"format": {"type": "json_schema", "schema": json.loads(request.schema_json)}}
        body = anthropic_body(self._settings, self.model, body)
        return {
            "backend": "anthropic",
            "base_url": self._at.base_url,
            "body": self._wants.apply({name: value for name, value in body.items() if value is not None}),
        } | version_of(self._settings)

    async def ask(self, wire: dict[str, Any]) -> Reply:
        """Ask once. Raises Retryable, Rejected, Adapted or Hopeless."""
        self._wants.check(wire["body"])
        try:
            return read_reply(self._at, await self._connection.post("/v1/messages", wire["body"]))
        except Rejected as refused:
            raise self._wants.lesson(refused, wire["body"]) from None

    def sent(self, wire: dict[str, Any], asked: Sampling) -> Sampling:
        """How a reply to this wire is drawn."""
        return sampling_of(wire["body"], asked)

    def watch_headers(self, see: Callable[[Mapping[str, str], float], None]) -> None:
        """Tell `see` of every reply's headers, and the seconds since its request was sent."""
        self._connection.watch = see

    def batches(self) -> Provider:
        from rlkd_data.chat.batch.anthropic import AnthropicBatches

        return AnthropicBatches(self._at, self._connection)

    async def close(self) -> None:
        await self._connection.close()


def _cacheable(request: Request) -> tuple[Any, list[dict[str, Any]]]:
    """The system prompt and the messages; where the static prefix ends, the provider is told to cache up to there.

    (Its docs, "Prompt caching": a mark covers everything before it, in the order system, messages.)
    """
    system: Any = "\n\n".join(m.content for m in request.messages if m.role == "system") or None
    turns = [m for m in request.messages if m.role != "system"]
    messages: list[dict[str, Any]] = [{"role": m.role, "content": m.content} for m in turns]
    static = sum(m.role != "system" for m in request.messages[: request.static])
    if static and messages[static - 1]["content"]:
        messages[static - 1]["content"] = [_marked(messages[static - 1]["content"])]
    elif request.static and system and all(m.role != "system" for m in request.messages[request.static :]):
        system = [_marked(system)]
    return system, messages


def _marked(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}
