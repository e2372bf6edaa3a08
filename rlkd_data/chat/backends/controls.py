"""What a model is told beside its sampling (effort, a thinking budget, its template's switches), in each protocol's own
words."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterable
from typing import Any

from rlkd_data.config import ChatSettings, ModelControls
from rlkd_data.errors import InputError
from rlkd_data.unshown import header_name

_NOT_TOLD = ("extra_headers", "engine")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_ELSEWHERE = {"reasoning_effort": ("output_config",), "thinking_budget": ("reasoning", "thinking")}
"""Where a control stands in a body under another name: OpenRouter's, and Anthropic's."""
_ROOM = 1024
"""Tokens of a reply beside its thinking budget, at least."""


def given(settings: ChatSettings) -> dict[str, Any]:
    """The controls that are set, by their names; no header among them, for those may be secret."""
    found = {name: getattr(settings, name) for name in ModelControls.model_fields if name not in _NOT_TOLD}
    return {name: value for name, value in found.items() if value not in (None, {})}


def recorded(settings: ChatSettings, told: Collection[str] | None = None) -> str | None:
    """The controls as a row tells them; None where none is set. `told`: the fields of the body that was sent, where it
    is known: a control that the model refused is none of them."""
    found = given(settings)
    if told is not None:
        found = {name: value for name, value in found.items() if name == "extra_body" or _is_told(name, told)}
        extra = found.pop("extra_body", {})
        if left := {name: value for name, value in extra.items() if value is None or name in told}:
            found["extra_body"] = left
    return json.dumps(found, sort_keys=True, ensure_ascii=False) if found else None


def _is_told(name: str, told: Collection[str]) -> bool:
    """Whether a control is in a body, in the words of any protocol."""
    return name in told or any(field in told for field in _ELSEWHERE.get(name, ()))


def refuse(settings: ChatSettings, model: str, names: Iterable[str]) -> None:
    """Raises InputError where one of these controls is set: the backend has nothing like it."""
    for name in names:
        if getattr(settings, name) not in (None, {}):
            flag = "--" + name.replace("_", "-")
            raise InputError(f"{model}: this backend has no {name}: leave {flag} out")


def version_of(settings: ChatSettings) -> dict[str, Any]:
    """What tells models of one name apart, for the store's key; it is not sent."""
    return {} if settings.model_version is None else {"model_version": settings.model_version}


def openai_body(settings: ChatSettings, base_url: str) -> dict[str, Any]:
    """Fields of a chat completion; those that are no part of OpenAI's own are what vLLM, SGLang and others take."""
    found = given(settings)
    extra: dict[str, Any] = found.pop("extra_body", {})
    if "thinking_budget" in found and "openrouter.ai" in base_url:
        found["reasoning"] = {"max_tokens": found.pop("thinking_budget")}
    return found | extra


def anthropic_body(settings: ChatSettings, model: str, body: dict[str, Any]) -> dict[str, Any]:
    """A body with the controls in Anthropic's words. A model that thinks takes no temperature but 1, a top_p from 0.95
    on, no top_k, and must have room to speak after its thought."""
    refuse(settings, model, ("chat_template_kwargs", "min_p", "presence_penalty", "frequency_penalty"))
    found = dict(body)
    if settings.top_k is not None:
        found["top_k"] = settings.top_k
    if settings.reasoning_effort is not None:
        found["output_config"] = {**(found.get("output_config") or {}), "effort": settings.reasoning_effort}
    if settings.thinking_budget is not None:
        budget = settings.thinking_budget
        if found["max_tokens"] < budget + _ROOM:
            raise InputError(
                f"{model}: a thinking budget of {budget:,} of {found['max_tokens']:,} tokens leaves less than "
                f"{_ROOM:,} to the reply: give --max-tokens {budget + 4 * _ROOM} or more"
            )
        found["thinking"] = {"type": "enabled", "budget_tokens": budget}
        found.pop("top_k", None)
        if found.get("temperature") != 1:
            found["temperature"] = None
        if (found.get("top_p") or 1) < 0.95:
            found["top_p"] = None
    return found | settings.extra_body


def headers(settings: ChatSettings) -> dict[str, str]:
    """The further headers, with `${NAME}` from the environment, so that a secret need not be typed. Raises InputError
    for a variable that is not set."""
    return {name: _filled(name, value.get_secret_value()) for name, value in settings.extra_headers.items()}


def _filled(name: str, value: str) -> str:
    shown = header_name(name) or name

    def known(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            raise InputError(f"--extra-headers {shown}: the variable {found[1]} is not set")
        return os.environ[found[1]]

    filled = _VARIABLE.sub(known, value)
    if not filled.isprintable() or not filled.isascii() or not re.fullmatch(r"[\w-]+", name, re.ASCII):
        raise InputError(f"--extra-headers {shown!r}: neither it nor its value may hold such characters")
    return filled
