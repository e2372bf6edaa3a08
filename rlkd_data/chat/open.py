"""From a model's name, `backend:model`, to a client that asks it."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rlkd_data.chat.backends import world
from rlkd_data.chat.backends.controls import refuse
from rlkd_data.chat.backends.models import KNOWN
from rlkd_data.chat.batch.state import DISCOUNT, HasBatches
from rlkd_data.chat.client import Client
from rlkd_data.chat.money.bill import Bill
from rlkd_data.chat.money.estimate import SAMPLE, EstimatingClient
from rlkd_data.chat.money.prices import FREE, Prices, given
from rlkd_data.chat.pace.aimd import first_window
from rlkd_data.chat.pace.limits import Limits
from rlkd_data.chat.store import ResponseStore, default_path
from rlkd_data.chat.types import Backend
from rlkd_data.config import ChatSettings, ModelControls
from rlkd_data.errors import InputError
from rlkd_data.run.resources import BUNDLED

if TYPE_CHECKING:
    from rlkd_data.chat.batch.client import BatchClient


def _openai(model: str, settings: ChatSettings) -> Backend:
    from rlkd_data.chat.backends.openai import OpenAIBackend

    refuse(settings, f"openai:{model}", ("engine",))

    def one(url: str | None) -> OpenAIBackend:
        own = settings if url is None else settings.model_copy(update={"base_url": url})
        return OpenAIBackend(model, own, keyless=SAMPLE.get() == 0)

    urls = list(dict.fromkeys((settings.base_url or "").split()))
    if len(urls) < 2:
        return one(urls[0] if urls else None)
    from rlkd_data.chat.pool import Pool

    return Pool([(url, one(url)) for url in urls], rpm=settings.rpm, tpm=settings.tpm, concurrency=settings.concurrency)


def _anthropic(model: str, settings: ChatSettings) -> Backend:
    from rlkd_data.chat.backends.anthropic import AnthropicBackend

    refuse(settings, f"anthropic:{model}", ("engine",))
    return AnthropicBackend(model, settings, keyless=SAMPLE.get() == 0)


def _vllm(model: str, settings: ChatSettings) -> Backend:
    from rlkd_data.chat.backends.vllm import VllmBackend

    refuse(settings, f"vllm:{model}", ("model_version",))
    return VllmBackend(model, settings)


def _local(model: str, settings: ChatSettings) -> Backend:
    refuse(settings, f"local:{model}", (*ModelControls.model_fields, "model_version"))
    if model == world.NAME:
        return world.WorldBackend()
    from rlkd_data.chat.backends.local import LocalBackend

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


def _is_pool(settings: ChatSettings) -> bool:
    return len((settings.base_url or "").split()) > 1


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
    estimated = SAMPLE.get() is not None
    if settings.mode == "batch" and not estimated:
        raise InputError(f"mode: batch is for collect and decompose; {name} is asked online here")
    opened, store, bill = _open(name, settings, None if estimated else folder)
    concurrency = settings.concurrency or opened.default_concurrency
    return (EstimatingClient if estimated else Client)(
        opened,
        store,
        concurrency=concurrency,
        start=first_window(concurrency) if split_name(name)[0] in _REMOTE else None,
        max_retries=settings.max_retries,
        limits=Limits() if _is_pool(settings) else Limits(settings.rpm, settings.tpm),  # a pool's are each server's own
        bill=bill,
        breaker=settings.breaker > 0,
        longest_wait=settings.longest_wait,
        retry_truncated=settings.retry_truncated,
    )


def open_either(name: str, settings: ChatSettings, folder: Path | None = None) -> Client | BatchClient:
    """The same, for work that may take a day: in the provider's batches, where the settings say so."""
    if settings.mode == "online" or SAMPLE.get() is not None:
        return open_client(name, settings, folder)
    from rlkd_data.chat.batch.client import BatchClient
    from rlkd_data.chat.batch.journal import Journal

    if settings.retry_truncated is not None:
        raise InputError(
            "--retry-truncated asks again at once, which batches cannot: leave it out here, then run the same command "
            "with it and --mode online (the other replies are in the store)"
        )
    opened, store, bill = _open(name, settings, folder)
    try:
        if not isinstance(opened, HasBatches):
            raise InputError(f"{name}: this backend has no batches (openai: and anthropic: have): use --mode online")
        journal = Journal(store.path)
        return BatchClient(
            opened,
            store,
            journal,
            settings.batch,
            max_retries=settings.max_retries,
            bill=bill,
            longest_wait=settings.longest_wait,
        )
    except BaseException:
        store.close()
        raise


def _open(name: str, settings: ChatSettings, folder: Path | None) -> tuple[Backend, ResponseStore, Bill]:
    backend, model = split_name(name)
    if _is_pool(settings) and (backend != "openai" or settings.mode == "batch"):
        raise InputError(f"{name}: only openai: models, asked online, may have several servers: give one --base-url")
    store = ResponseStore((settings.store or default_path()).expanduser())
    try:
        opened = BACKENDS[backend](model, settings)
        prices = _prices(opened, settings)
        if settings.mode == "batch":
            prices = prices.scaled(DISCOUNT, "batches")
        return opened, store, Bill(name, prices, budget=settings.budget, folder=folder)
    except BaseException:
        store.close()
        raise


def _prices(backend: Backend, settings: ChatSettings) -> Prices:
    """The user's where there are some, otherwise what is known of the model."""
    if settings.input_price is not None and settings.output_price is not None:
        return given(settings.input_price, settings.output_price, settings.cached_price)
    if any(price is not None for price in (settings.input_price, settings.output_price, settings.cached_price)):
        raise InputError("prices come together: give --input-price and --output-price, in dollars a million tokens")
    found: Prices = getattr(backend, "prices", FREE)
    return found
