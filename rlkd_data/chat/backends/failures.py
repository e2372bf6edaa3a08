"""What the two HTTP backends share: from a status and a body to the failure that the scheduler understands, and keys.

Pure but for the environment. Speaks of statuses and headers, not of any SDK.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from rlkd_data.chat.pace.retry import retry_after
from rlkd_data.chat.types import Failed, Hopeless, Rejected, Retryable
from rlkd_data.errors import InputError
from rlkd_data.schema import Usage

_TOO_MANY, _OVERLOADED = 429, (503, 529)
_GATEWAY_GAVE_UP = (504, 524)
"""Behind such a gateway the model may have gone on."""
_LONGEST_QUOTE = 300
_TOO_LONG = re.compile(r"context.{0,10}(length|window)|maximum context|prompt is too long|too many tokens", re.I)
_FILTERED = re.compile(r"content[_ ](filter|policy)|content management policy", re.I)
_NO_MODEL = re.compile(r"model.{0,80}(not found|does not exist|not exist)|model_not_found|unknown model", re.I | re.S)
_NO_MONEY = re.compile(r"insufficient_quota|credit balance|billing_hard_limit|exceeded your current quota", re.I)


@dataclass(frozen=True)
class Endpoint:
    """A server and the right to use it. `key` never leaves the request's headers."""

    model: str
    base_url: str
    variable: str
    key: str

    def __repr__(self) -> str:
        return f"Endpoint({self.model!r}, {self.base_url!r})"

    def hide(self, text: str) -> str:
        """A server's words in one short line, without the key, should it have repeated it."""
        if self.key:
            text = text.replace(self.key, "***")
        text = re.sub(r"\bsk-[\w*-]{6,}", "***", text)
        line = " ".join(text.split())
        return line if len(line) <= _LONGEST_QUOTE else line[:_LONGEST_QUOTE] + " …"


def endpoint(
    model: str, base_url: str | None, *, default: str, variable: str, url_variable: str, keyless: bool = False
) -> Endpoint:
    """Where to ask and with which key, from the settings and the environment.

    Raises InputError where the provider's own server is meant and its key is not set. Another server may need none.
    `keyless`: nothing will be asked, so none is wanted.
    """
    url = (base_url or os.environ.get(url_variable) or default).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"base URL {url!r} is not a web address: write it like http://127.0.0.1:8000/v1")
    if parts.username or parts.password or parts.query:
        raise InputError(f"the base URL for {model} holds a name, password or query: put the key into {variable}")
    key = os.environ.get(variable, "").strip()
    if not key and url == default and not keyless:
        raise InputError(f"{model} needs a key: set {variable}, or --base-url for a server of your own")
    if not key.isascii() or not key.isprintable():
        raise InputError(f"{variable} holds characters that no key has: set it again")
    return Endpoint(model, url, variable, key or "none-needed")


def failure(at: Endpoint, status: int, headers: Mapping[str, str], body: str) -> Failed:  # noqa: PLR0911 - a table
    """What an HTTP error status means for this request and for the others."""
    said = at.hide(_message(body)) or "(no message)"
    told = f"{at.model} at {at.base_url} answered {status}: {said}"
    if status == 401:
        return Hopeless(f"{told} – check {at.variable}")
    if status == 403:
        return Hopeless(f"{told} – the key in {at.variable} may not use this model")
    if status == 402 or (status in (400, _TOO_MANY) and _NO_MONEY.search(body)):
        return Hopeless(f"{told} – the account behind {at.variable} has no credit left")
    if status == 404 or (status == 400 and _NO_MODEL.search(body)):
        return Hopeless(f"{told} – check the model's name and the base URL")
    if status in (_TOO_MANY, *_OVERLOADED):
        reason = "rate_limited" if status == _TOO_MANY else "overloaded"
        return Retryable(told, reason=reason, retry_after=retry_after(headers))
    if status in (408, 409, 425) or status >= 500:
        reason = "timeout" if status == 408 else "server_error"
        return Retryable(told, reason=reason, retry_after=retry_after(headers), paid=status in _GATEWAY_GAVE_UP)
    if _TOO_LONG.search(body) or status == 413:
        return Rejected(told, reason="too_long", body=body)
    if _FILTERED.search(body):
        return Rejected(told, reason="content_filter")
    return Rejected(told, reason="bad_request", body=body)


def malformed(at: Endpoint, detail: str, usage: Usage | None = None) -> Retryable:
    """A 200 whose body is not a reply: a proxy's page, a cut connection, an error in a reply's clothes."""
    return Retryable(
        f"{at.model} at {at.base_url} sent a malformed reply: {at.hide(detail)}",
        reason="malformed",
        usage=usage,
        paid=True,
    )


def unreachable(at: Endpoint, error: BaseException, *, sent: bool = False) -> Retryable:
    """`sent`: the connection was there, and was cut after the request may have gone over it."""
    cause = error.__cause__ or error
    detail = at.hide(str(cause)) or type(cause).__name__
    return Retryable(f"{at.model} at {at.base_url} cannot be reached: {detail}", reason="connection", paid=sent)


def timed_out(at: Endpoint, seconds: float) -> Retryable:
    return Retryable(f"{at.model} at {at.base_url} gave no reply within {seconds:g} s", reason="timeout", paid=True)


def load_object(at: Endpoint, text: str) -> dict[str, Any]:
    """A JSON object from a body, or Retryable."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:  # the second: a body of a hundred thousand brackets
        raise malformed(at, f"not JSON ({error})") from None
    if not isinstance(value, dict):
        raise malformed(at, "JSON, but not an object")
    return value


def _message(body: str) -> str:
    """The sentence in an error's body, wherever the server put it."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return body
    for _ in range(3):
        if not isinstance(value, dict):
            break
        value = next((value[name] for name in ("error", "message", "detail") if value.get(name)), body)
    return value if isinstance(value, str) else body
