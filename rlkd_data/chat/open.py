"""From a model's name, `backend:model`, to a client that asks it."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from rlkd_data.chat.client import Client
from rlkd_data.chat.store import ResponseStore, default_path
from rlkd_data.chat.types import Backend
from rlkd_data.config import ChatSettings
from rlkd_data.errors import InputError


def _openai(model: str, settings: ChatSettings) -> Backend:
    from rlkd_data.chat.openai import OpenAIBackend

    return OpenAIBackend(model, settings)


def _anthropic(model: str, settings: ChatSettings) -> Backend:
    from rlkd_data.chat.anthropic import AnthropicBackend

    return AnthropicBackend(model, settings)


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


def split_name(name: str) -> tuple[str, str]:
    """(backend, model). Raises InputError naming the nearest right backend."""
    backend, colon, model = name.partition(":")
    if backend in BACKENDS and model:
        return backend, model
    if not colon:
        raise InputError(f"model {name!r} names no backend: write it as backend:model, for example openai:{name}")
    if not model:
        raise InputError(f"model {name!r} names no model: write it as {backend}:MODEL")
    close = difflib.get_close_matches(backend, BACKENDS, n=1)
    hint = f"did you mean {close[0]}:{model}?" if close else f"there are {', '.join(BACKENDS)}"
    raise InputError(f"unknown backend {backend!r} in model {name!r}: {hint}")


def open_client(name: str, settings: ChatSettings) -> Client:
    """A client for `backend:model`; close it, or use it as an async context manager. Raises InputError for a name, key
    or package that is missing."""
    backend, model = split_name(name)
    opened = BACKENDS[backend](model, settings)
    return Client(
        opened,
        ResponseStore(settings.store or default_path()),
        concurrency=settings.concurrency,
        max_retries=settings.max_retries,
    )
