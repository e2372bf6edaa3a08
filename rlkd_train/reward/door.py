"""Whom the reward server lets in: programs, with the token where there is one; no web page."""

from __future__ import annotations

import hmac
import ipaddress
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from rlkd_data.errors import InputError
from rlkd_train.config import RewardServerSettings
from rlkd_train.reward.asked import BadRequest


def token_of(settings: RewardServerSettings) -> str | None:
    """The token that requests must bring. Raises InputError where none is set for a server that others can reach."""
    if settings.token_env is not None:
        if not (token := os.environ.get(settings.token_env, "").strip()):
            raise InputError(f"token_env: {settings.token_env} is not set: put the token into it")
        return token
    if not is_loopback(settings.host):
        raise InputError(
            f"host {settings.host} can be reached by others: name a variable with a token (--token-env, token_env)"
        )
    return None


def is_loopback(host: str) -> bool:
    """Whether a name means this machine, and can be reached from it alone."""
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def let_in(headers: Mapping[str, str], token: str | None, *, knock: bool = False) -> None:
    """Raises BadRequest for a web page, also one that has given its own name this machine's address, and for whoever
    lacks the token. `knock`: whether anybody is in may be asked without one."""
    if "Origin" in headers or headers.get("Sec-Fetch-Site", "none") != "none":
        raise BadRequest(403, "requests of web pages are refused: ask from a program")
    if token is None:
        if "Host" in headers and not is_loopback(_name(headers["Host"])):
            raise BadRequest(403, "the header Host names another machine: ask 127.0.0.1, or set a token (token_env)")
        return
    given = headers.get("Authorization", "").removeprefix("Bearer ").encode(errors="replace")
    if not knock and not hmac.compare_digest(given, token.encode()):
        raise BadRequest(401, "the header 'Authorization: Bearer TOKEN' is missing or wrong")


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
