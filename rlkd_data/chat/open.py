"""From a model's name, `backend:model`, to a client that asks it."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path

from rlkd_data.chat.aimd import first_window
from rlkd_data.chat.bill import Bill
from rlkd_data.chat.client import Client
from rlkd_data.chat.estimate import SAMPLE, EstimatingClient
from rlkd_data.chat.limits import Limits
from rlkd_data.chat.models import KNOWN
from rlkd_data.chat.prices import FREE, Prices, given
from rlkd_data.chat.store import ResponseStore, default_path
from rlkd_data.chat.types import Backend
from rlkd_data.config import ChatSettings
from rlkd_data.errors import InputError
from rlkd_data.resources import BUNDLED


def _openai(model: str, settings: ChatSettings) -> Backend:
    from rlkd_data.chat.openai import OpenAIBackend

    return OpenAIBackend(model, settings, keyless=SAMPLE.get() == 0)


def _anthropic(model: str, settings: ChatSettings) -> Backend:
    from rlkd_data.chat.anthropic import AnthropicBackend

    return AnthropicBackend(model, settings, keyless=SAMPLE.get() == 0)


def _vllm(model: str, settings: ChatSettings) -> Backend:
    from rlkd_data.chat.vllm import VllmBackend

    return VllmBackend(model)


def _local(model: str, settings: ChatSettings) -> Backend:
    from rlkd_data.chat.local import LocalBackend

    return LocalBackend(model)


BACKENDS: dict[str, Callable[[str, ChatSettings], Backend]] = {
    "openai": _openai,
    "anthropic": _anthropic,
    "vllm": _vllm,
    "local": _local,
}

_REMOTE = ("openai", "anthropic")
"""Backends whose servers may be overloaded; the others' concurrency is the size of their batches."""


def split_name(name: str) -> tuple[str, str]:
    """(backend, model). Raises InputError naming the nearest right backend."""
    backend, colon, model = name.partition(":")
    if backend in BACKENDS and model:
        return backend, model
    if not colon:
        raise InputError(f"model {name!r} names no backend: write it as backend:model, for example {_example(name)}")
    if backend in BACKENDS:
        raise InputError(f"model {name!r} names no model: write it as {backend}:MODEL")
    close = difflib.get_close_matches(backend.lower(), BACKENDS, n=1)
    hint = f"did you mean {close[0]}:{model}?" if close else f"there are {', '.join(BACKENDS)}"
    raise InputError(f"unknown backend {backend!r} in model {name!r}: {hint}")


def _example(model: str) -> str:
    """A full name for a bare one, with the backend that it most likely means."""
    if not model:
        return "openai:gpt-4o"
    if model in KNOWN or model in BUNDLED or Path(model).expanduser().is_dir():
        return f"local:{model}"
    if model.startswith("claude"):
        return f"anthropic:{model}"
    return f"vllm:{model}" if "/" in model else f"openai:{model}"


def open_client(name: str, settings: ChatSettings, folder: Path | None = None) -> Client:
    """A client for `backend:model`; close it, or use it as an async context manager. Raises InputError for a name, key,
    package or price that is missing.

    `folder` is the output that the requests are for: what earlier runs for it have spent counts against the budget.
    """
    backend, model = split_name(name)
    estimated = SAMPLE.get() is not None
    store = ResponseStore((settings.store or default_path()).expanduser())
    try:
        opened = BACKENDS[backend](model, settings)
        bill = Bill(name, _prices(opened, settings), budget=settings.budget, folder=None if estimated else folder)
    except BaseException:
        store.close()
        raise
    concurrency = settings.concurrency or opened.default_concurrency
    return (EstimatingClient if estimated else Client)(
        opened,
        store,
        concurrency=concurrency,
        start=first_window(concurrency) if backend in _REMOTE else None,
        max_retries=settings.max_retries,
        limits=Limits(settings.rpm, settings.tpm),
        bill=bill,
        retry_truncated=settings.retry_truncated,
    )


def _prices(backend: Backend, settings: ChatSettings) -> Prices:
    """The user's where there are some, otherwise what is known of the model."""
    if settings.input_price is not None and settings.output_price is not None:
        return given(settings.input_price, settings.output_price, settings.cached_price)
    if any(price is not None for price in (settings.input_price, settings.output_price, settings.cached_price)):
        raise InputError("prices come together: give --input-price and --output-price, in dollars a million tokens")
    found: Prices = getattr(backend, "prices", FREE)
    return found
