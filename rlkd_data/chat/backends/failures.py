"""What the two HTTP backends share: from a status and a body to the failure that the scheduler understands, and keys.

Pure but for the environment. Speaks of statuses and headers, not of any SDK.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rlkd_data import web_address
from rlkd_data.chat.backends.event_stream import assembled, is_stream, without_comments
from rlkd_data.chat.backends.refusals import is_beyond_a_minute
from rlkd_data.chat.backends.said import asked_wait, complaint, page_title, sentence
from rlkd_data.chat.pace.retry import retry_after
from rlkd_data.chat.types import Failed, Hopeless, Rejected, Retryable, Unfinished
from rlkd_data.errors import InputError
from rlkd_data.schema import Usage

_TOO_MANY, _OVERLOADED = 429, (503, 529)
_GATEWAY_GAVE_UP = (504, 524)
"""Behind such a gateway the model may have gone on."""
_LONGEST_QUOTE = 300
_QUOTED = 120
"""Characters of a body that is no JSON."""
_SHORTEST_KEY = 6
"""A shorter one is a word for a server that wants none, and may stand in any sentence."""
_CREDENTIAL = re.compile(r"(?:bearer|basic|token|key|api-?key)\s+(\S+)", re.I)
"""A header's value, of which a server may repeat the second word alone."""
_HEADER = re.compile(r"[!#$%&'*+.^`|~\w-]+", re.ASCII)
"""A header's name (RFC 9110, section 5.6.2)."""
TYPES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""Statuses of the errors that Anthropic names by a type."""
_TOO_LONG = re.compile(r"context.{0,10}(length|window|size)|maximum context|prompt is too long|too many tokens", re.I)
_FILTERED = re.compile(
    r"content[_ ]?(filter|policy|inspection)|content management policy|data_inspection|usage polic|flagged_input"
    r"|\b(?:prompt|input|content|messages?|request|text|conversation)\b[^.]{0,40}\bflagged"
    r"(?! as (?:deprecat|unsupp|inval))|\bflagged (?:content|input|prompt|text)|\bmoderation|inappropriate content"
    r"|不安全|敏感",
    re.I,
)
"""A prompt that a filter turned away, in words of OpenAI, Azure, OpenRouter, Alibaba and Zhipu."""
_CLOSED = re.compile(
    r"\b(?:account|organi[sz]ation|project|api[ _-]?key|workspace)\b[^.]{0,40}"
    r"\b(?:flagged|suspended|banned|blocked|deactivated|terminated)\b",
    re.I,
)
"""An account that may ask nothing any more, for whatever was asked before."""
_BAD_KEY = re.compile(
    r"api[_ -]?key.{0,20}(?:not valid|invalid|incorrect|expired)|(?:incorrect|invalid) api[_ -]?key", re.I
)
_THROTTLED = re.compile(r"throttl|too many requests|rate[_ ]limit|\b(?:tokens|requests) per (?:min|hour|day)", re.I)
_GAVE_UP = (498, 499)
"""A tier without room, and a call that was cancelled on the server's side: not the request's fault."""
_AWAY = re.compile(r"\bmodel\b[^.]{0,60}\b(?:unloaded|crashed|(?:is|still) (?:being )?load(?:ing|ed))\b", re.I)
"""A model that its server takes into memory again, as LM Studio does after a while without requests."""
_NO_MODEL = re.compile(r"model.{0,80}(not found|does not exist|not exist)|model_not_found|unknown model", re.I | re.S)
_NO_MONEY = re.compile(
    r"insufficient_quota|credit balance|billing_hard_limit|insufficient (?:balance|credit|funds)|out of credit"
    r"|in arrears|arrearage|exceeded_current_quota_error|account.{0,40}suspended|余额不足|欠费",
    re.I,
)
_QUOTA = re.compile(r"exceeded your current quota", re.I)
_PASSING = re.compile(r"per[_ -]?(?:second|minute|hour|day|model|project)|\brate|RetryInfo", re.I)
"""Words of a quota that fills again."""


@dataclass(frozen=True)
class Endpoint:
    """A server and the right to use it. `key` never leaves the request's headers."""

    model: str
    base_url: str
    variable: str
    key: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further ones, which may be secret as well."""
    hidden: tuple[str, ...] = ()
    """Values of headers that come from elsewhere, as from the environment."""

    def __repr__(self) -> str:
        return f"Endpoint({self.model!r}, {self.base_url!r})"

    def hide(self, text: str) -> str:
        """A server's words in one short line, without the key, should it have repeated it."""
        further = (*self.headers.values(), *self.hidden)
        credentials = [found[1] for value in further if (found := _CREDENTIAL.fullmatch(value))]
        for secret in (self.key, *further, *credentials):
            if len(secret) >= _SHORTEST_KEY:
                text = text.replace(secret, "***")
        text = re.sub(r"\bsk-[\w*-]{6,}", "***", text)
        line = " ".join(text.split())
        return line if len(line) <= _LONGEST_QUOTE else line[:_LONGEST_QUOTE] + " …"


def endpoint(
    model: str,
    base_url: str | None,
    *,
    default: str,
    variable: str,
    url_variable: str,
    keyless: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Endpoint:
    """Where to ask and with which key, from the settings and the environment.

    Raises InputError where the provider's own server is meant and its key is not set. Another server may need none.
    `keyless`: nothing will be asked, so none is wanted.
    """
    url = (base_url or os.environ.get(url_variable) or default).rstrip("/")
    if (why := web_address.wrong(url)) is not None:
        raise InputError(f"the base URL for {model} {why.replace('its variable', variable)}")
    key = os.environ.get(variable, "").strip()
    if not key and url == default and not keyless:
        raise InputError(f"{model} needs a key: set {variable}, or --base-url for a server of your own")
    if not key.isascii() or not key.isprintable():
        raise InputError(f"{variable} holds characters that no key has: set it again")
    vendor = variable.partition("_")[0]
    _check_told(vendor)
    lines = os.environ.get(f"{vendor}_CUSTOM_HEADERS", "").splitlines()
    hidden = tuple(value.strip() for _, _, value in (line.partition(":") for line in lines))
    return Endpoint(model, url, variable, key or "none-needed", headers or {}, hidden)


def _check_told(vendor: str) -> None:
    """Raises InputError where the environment asks for headers that cannot be sent; their values are not shown."""
    for name in (f"{vendor}_ORG_ID", f"{vendor}_PROJECT_ID"):
        _check_header(name, "X", os.environ.get(name, "").strip())
    name = f"{vendor}_CUSTOM_HEADERS"
    for line in os.environ.get(name, "").splitlines():
        header, colon, value = line.partition(":")
        if colon and header.strip():
            _check_header(name, header.strip(), value.strip())


def _check_header(variable: str, header: str, value: str) -> None:
    if not value.isascii() or not value.isprintable() or not _HEADER.fullmatch(header):
        raise InputError(f"{variable} holds characters that no header has: set it again")


def failure(at: Endpoint, status: int, headers: Mapping[str, str], body: str) -> Failed:  # noqa: PLR0911, PLR0912 - a table
    """What an HTTP error status means for this request and for the others."""
    said = at.hide(sentence(body)) or "(no message)"
    told = f"{at.model} at {at.base_url} answered {status}: {said}"
    about = complaint(body)
    if status == 401:
        return Hopeless(f"{told} – check {at.variable}")
    if status in (400, 403) and _CLOSED.search(about):
        return Hopeless(f"{told} – the account behind {at.variable} may ask nothing")
    if status == 403 and _FILTERED.search(about):
        return Rejected(told, reason="content_filter")
    if status == 400 and _BAD_KEY.search(about):
        return Hopeless(f"{told} – check {at.variable}")
    if status == 403:
        return Hopeless(f"{told} – the key in {at.variable} may not use this model")
    wait = retry_after(headers)
    wait = asked_wait(body) if wait is None else wait
    if status == 402 or (status in (400, _TOO_MANY) and _is_empty(about, body, wait)):
        return Hopeless(f"{told} – the account behind {at.variable} has no credit left")
    if status in (400, 404) and _AWAY.search(about):
        return Retryable(told, reason="server_error", retry_after=wait)
    if status == 404 or (status == 400 and _NO_MODEL.search(about)):
        return Hopeless(f"{told} – check the model's name and the base URL")
    if status in (_TOO_MANY, 413) and is_beyond_a_minute(about):
        return Rejected(told, reason="too_long", body=body)
    throttled = status == _TOO_MANY or (status in (400, 413) and _THROTTLED.search(about))
    if throttled or status in (*_OVERLOADED, *_GAVE_UP):
        reason = "rate_limited" if throttled else "overloaded"
        return Retryable(told, reason=reason, retry_after=wait)
    if status in (408, 409, 425) or status >= 500:
        reason = "timeout" if status == 408 else "server_error"
        return Retryable(told, reason=reason, retry_after=wait, paid=status in _GATEWAY_GAVE_UP)
    if _TOO_LONG.search(body) or status == 413:
        return Rejected(told, reason="too_long", body=body)
    if _FILTERED.search(about):
        return Rejected(told, reason="content_filter")
    return Rejected(told, reason="bad_request", body=body)


def _is_empty(about: str, body: str, wait: float | None) -> bool:
    """Whether an account has nothing left, or a quota that fills again is used up: some say both in the same words."""
    return bool(_NO_MONEY.search(about) or (_QUOTA.search(about) and wait is None and not _PASSING.search(body)))


def error_in(at: Endpoint, body: dict[str, Any], usage: Usage | None = None) -> Failed:
    """What the body of a 200 means that is an error in a reply's place."""
    error = body["error"]
    named = (
        (error.get("code"), error.get("status"), TYPES.get(str(error.get("type")))) if isinstance(error, dict) else ()
    )
    status = next((int(str(one)) for one in named if str(one).isdecimal() and 400 <= int(str(one)) < 600), None)
    if status is None:
        return malformed(at, sentence(json.dumps(body)), usage)
    found = failure(at, status, {}, json.dumps(body))
    if isinstance(found, Retryable):
        found.usage = usage
    return found


def malformed(
    at: Endpoint, detail: str, usage: Usage | None = None, *, few: bool = False, paid: bool = True
) -> Retryable:
    """A 200 whose body is not a reply: a proxy's page, a cut connection, an error in a reply's clothes."""
    said = f"{at.model} at {at.base_url} sent a malformed reply: {at.hide(detail)}"
    return Retryable(said, reason="malformed", usage=usage, few=few, paid=paid)


def unfinished(at: Endpoint, detail: str, usage: Usage | None) -> Unfinished:
    """A reply that the server broke off, whatever it holds."""
    said = f"{at.model} at {at.base_url} broke its reply off: {at.hide(sentence(detail))}"
    return Unfinished(said, reason="upstream_error", usage=usage)


def unreachable(at: Endpoint, error: BaseException, *, sent: bool = False) -> Retryable:
    """`sent`: the connection was there, and was cut after the request may have gone over it."""
    cause = error.__cause__ or error
    detail = at.hide(str(cause)) or type(cause).__name__
    return Retryable(f"{at.model} at {at.base_url} cannot be reached: {detail}", reason="connection", paid=sent)


def redirected(at: Endpoint) -> Hopeless:
    return Hopeless(f"{at.model} at {at.base_url} redirects to another server – set the base URL to the one you mean")


def timed_out(at: Endpoint, seconds: float) -> Retryable:
    return Retryable(f"{at.model} at {at.base_url} gave no reply within {seconds:g} s", reason="timeout", paid=True)


def _not_json(text: str, error: Exception) -> str:
    said = " ".join(text[:_QUOTED].split())
    return f"not JSON ({error}): {said!r}" if said else "nothing at all"


def load_object(at: Endpoint, text: str) -> dict[str, Any]:
    """A JSON object from a body, or Retryable. An event stream is read as the object that it makes up."""
    if (title := page_title(text)) is not None:
        raise malformed(at, f"a web page, {title!r}, where JSON was asked for", few=True, paid=False)
    if is_stream(text):
        streamed = assembled(text)
        if streamed is None:
            raise malformed(at, "an event stream, which was not asked for and cannot be read", few=True)
        return streamed
    try:
        value = json.loads(without_comments(text))
    except (ValueError, RecursionError) as error:  # the second: a body of a hundred thousand brackets
        raise malformed(at, _not_json(text, error)) from None
    if isinstance(value, list) and len(value) == 1:  # Gemini's errors come so
        value = value[0]
    if not isinstance(value, dict):
        raise malformed(at, "JSON, but not an object")
    return value
