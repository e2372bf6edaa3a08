"""How a model is asked: what it is told, how replies are drawn, and what may be spent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PositiveInt, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from rlkd_data import web_address
from rlkd_data.config.base import Settings, later, runtime


class BatchSettings(Settings):
    """How a provider's batches are made and watched (`mode: batch`)."""

    poll: float = Field(
        15.0, gt=0, description="seconds between the first looks at a batch; they grow to 20 times that"
    )
    settle: float = Field(60.0, ge=0, description="seconds after which a batch that is not listed was not created")
    requests: PositiveInt | None = Field(None, description="most requests in one batch; default: the provider's limit")
    together: PositiveInt = Field(4, description="batches that one run has open; bounds its memory")
    attempts: PositiveInt = Field(3, description="batches that a request may be in, when they expire or are cancelled")


class ModelControls(Settings):
    """What a model is told beside how replies are drawn. What is null is not sent."""

    reasoning_effort: str | None = later(
        None, description="how much a model thinks: low, medium, high, or its own word"
    )
    thinking_budget: PositiveInt | None = later(None, description="tokens that a model may think with")
    chat_template_kwargs: dict[str, Any] = later(
        {}, description="switches of the model's chat template, as enable_thinking (vLLM, SGLang)"
    )
    top_k: int | None = later(None, description="draw from so many of the likeliest tokens")
    min_p: float | None = later(
        None, ge=0, le=1, description="least probability of a token, as a share of the likeliest"
    )
    presence_penalty: float | None = later(None, ge=-2, le=2, description="against tokens that were there")
    frequency_penalty: float | None = later(None, ge=-2, le=2, description="against tokens that were there often")
    extra_body: dict[str, Any] = later({}, description="further fields of every request, over all others")
    extra_headers: dict[str, SecretStr] = runtime(
        {}, description="further headers of every request; never recorded; ${NAME} is read from the environment"
    )
    engine: dict[str, Any] = later(
        {}, description="arguments of vLLM's engine, as tensor_parallel_size, max_model_len, quantization (vllm: alone)"
    )

    @field_validator("reasoning_effort", "chat_template_kwargs", "extra_body")
    @classmethod
    def _can_be_sent(cls, value: Any) -> Any:
        """What goes into a request as it is must be JSON, and in UTF-8."""
        try:
            json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError(
                "holds half of a surrogate pair, which no request can: write the whole character"
            ) from None
        except (TypeError, ValueError, RecursionError) as problem:
            raise ValueError(f"cannot be sent as JSON: {problem}") from None
        return value


class ChatSettings(ModelControls):
    """How to talk to a model; shared by every stage that does."""

    base_url: str | None = Field(
        None, description="server to ask, or a pool of them, the first of which names requests; default: the provider's"
    )
    model_version: str | None = later(
        None,
        description="which weights a server has under the model's name; replies of another version do not count",
    )
    concurrency: PositiveInt | None = runtime(None, description="requests in flight; default: the backend's own")
    max_retries: int = runtime(8, ge=0, description="tries after the first, of a request whose failure may pass")
    breaker: int = runtime(
        20, ge=0, description="requests that fail alike, before any is answered, which end the run; 0: never"
    )
    longest_wait: float = runtime(
        900.0,
        gt=0,
        description="seconds a server may ask to wait; where it asks for more, the run ends and says until when",
    )
    timeout: float = runtime(600.0, gt=0, description="seconds one request may take")
    store: Path | None = runtime(None, description="the response store; default: RLKD_STORE, or your data folder")
    rpm: float | None = runtime(None, gt=0, description="requests a minute; default: the server's limit")
    tpm: float | None = runtime(None, gt=0, description="tokens in and out a minute; default: the server's limit")
    budget: float | None = runtime(None, ge=0, description="dollars the output may cost in all runs: a hard cap")
    input_price: float | None = runtime(
        None, ge=0, description="dollars a million prompt tokens, for a model without a known price"
    )
    output_price: float | None = runtime(None, ge=0, description="dollars a million completion tokens")
    cached_price: float | None = runtime(
        None, ge=0, description="dollars a million cached prompt tokens; default: as others"
    )
    retry_truncated: PositiveInt | None = Field(
        None, description="ask again, with this many tokens at most, where a reply was cut off at fewer"
    )

    @field_validator("base_url", mode="before")
    @classmethod
    def _servers_are_one_text(cls, value: Any) -> Any:
        """A list of addresses as one text: addresses hold no blanks."""
        return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else value

    mode: Literal["online", "batch"] = runtime(
        "online", description="batch: at half the price, within a day; for collect and decompose alone"
    )
    batch: BatchSettings = runtime(BatchSettings.usual(), description="how batches are made and watched")

    @field_validator("base_url")
    @classmethod
    def _no_secret_in_the_address(cls, url: str | None) -> str | None:
        for one in (url or "").split():  # several are a pool
            if (why := web_address.wrong(one)) is not None:
                raise PydanticCustomError("web_address", "{why}", {"why": why})
        return url


_WIDEST = 1 << 62
"""A table holds numbers of 64 bits; a seed has the sample's index added."""


class SamplingSettings(Settings):
    """How replies are drawn. What is null (as a flag: none) is left to the server."""

    temperature: float | None = Field(None, ge=0, description="how freely tokens are drawn; 0: the likeliest each time")
    top_p: float | None = Field(None, gt=0, le=1, description="probability of the likeliest tokens that are drawn from")
    max_tokens: PositiveInt | None = Field(None, description="longest reply, in tokens")
    seed: int | None = Field(0, description="seed of a problem's first reply; others count on")

    @field_validator("max_tokens", "seed")
    @classmethod
    def _a_table_holds_it(cls, value: int | None) -> int | None:
        if value is not None and abs(value) > _WIDEST:
            raise ValueError("is more than a table can hold: give a smaller number")
        return value

    @model_validator(mode="before")
    @classmethod
    def _none_is_null(cls, values: Any) -> Any:
        """A flag takes a setting away by the word: `--temperature none`."""
        if not isinstance(values, dict):
            return values
        return {name: None if value in ("none", "null") else value for name, value in values.items()}
