"""Which model stands behind a name that a server gave it: a server can be started anew with other weights under it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from rlkd_data.chat.types import Failed
from rlkd_data.config import ChatSettings

_OWN = {
    "openai": ("OPENAI_BASE_URL", "https://api.openai.com/v1"),
    "anthropic": ("ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
}
_TELLS = ("id", "root", "parent", "owned_by", "max_model_len", "system_fingerprint", "revision", "version", "sha")
"""Fields of a model in `/models` that stay while the server runs. vLLM's `root` is the folder of the weights, `parent`
a LoRA adapter's base model; its `created` is when it was asked."""
_PATIENCE = 10.0
"""Seconds that a server may take to say who it is."""


def servers(name: str, settings: ChatSettings) -> list[str]:
    """The servers behind `backend:model` whose model may be another under the same name: not a provider's own, whose
    names are the models', and none of a model that runs in this process."""
    backend = name.partition(":")[0]
    if backend not in _OWN:
        return []
    variable, own = _OWN[backend]
    given = [url.rstrip("/") for url in (settings.base_url or os.environ.get(variable) or own).split()]
    return [url for url in given if not f"{url}/".startswith(f"{own}/")]


def card_of(name: str, listed: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a list of models (`/v1/models`) says of one, without what changes from one asking to the next; None where it
    does not hold it."""
    rows = listed.get("data")
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, Mapping) and row.get("id") == name:
            return {field: row[field] for field in _TELLS if isinstance(row.get(field), (str, int))}
    return None


async def cards(name: str, settings: ChatSettings) -> dict[str, dict[str, Any] | None]:
    """What each of a model's servers says of it, by address; None of a server that says nothing."""
    return {url: card for url, (_, card) in (await _asked(name, settings)).items()}


async def own_cards(name: str, settings: ChatSettings) -> dict[str, dict[str, Any] | None]:
    """The same of servers that are the user's own and run: their address is of this machine or of a network of one's
    own, or they name the weights that they serve (`root`). Behind other addresses are gateways, whose names are models'
    and whose replies were paid for; and behind one that cannot be reached is nobody who could be another."""
    asked = await _asked(name, settings)
    return {url: card for url, (there, card) in asked.items() if there and (is_near(url) or "root" in (card or {}))}


def is_near(url: str) -> bool:
    """Whether an address is of this machine, or of a network of one's own."""
    host = urlsplit(url).hostname or ""
    try:
        address = ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".local", ".lan", ".internal", ".localhost", ".svc"))
    return not address.is_global


async def _asked(name: str, settings: ChatSettings) -> dict[str, tuple[bool, dict[str, Any] | None]]:
    return {url: await _card(name, settings.model_copy(update={"base_url": url})) for url in servers(name, settings)}


async def _card(name: str, settings: ChatSettings) -> tuple[bool, dict[str, Any] | None]:
    """(whether the server answers, what it says)."""
    backend, _, model = name.partition(":")
    if backend != "openai":
        return False, None
    from rlkd_data.chat.backends.openai import OpenAIBackend

    asked = OpenAIBackend(model, settings)
    try:
        async with asyncio.timeout(_PATIENCE):
            return True, card_of(model, await asked.listed_models())
    except TimeoutError:
        return False, None
    except Failed as problem:
        return problem.reason not in ("connection", "timeout"), None
    finally:
        await asked.close()
