"""From a model's name, `backend:model`, to a client that asks it."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path

from rlkd_data.chat.client import Client
from rlkd_data.chat.models import KNOWN
from rlkd_data.chat.store import ResponseStore, default_path
from rlkd_data.chat.types import Backend
from rlkd_data.config import ChatSettings
from rlkd_data.errors import InputError
from rlkd_data.resources import BUNDLED


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


def open_client(name: str, settings: ChatSettings) -> Client:
    """A client for `backend:model`; close it, or use it as an async context manager. Raises InputError for a name, key
    or package that is missing."""
    backend, model = split_name(name)
    store = ResponseStore((settings.store or default_path()).expanduser())
    try:
        opened = BACKENDS[backend](model, settings)
    except BaseException:
        store.close()
        raise
    return Client(
        opened,
        store,
        concurrency=settings.concurrency,
        max_retries=settings.max_retries,
    )
