"""One connection to a model's server: it carries bytes, keys and proxies, within limits of time and size.

It neither retries (the scheduler does) nor reads what a body says (the backend does). httpx2 knows the environment's
proxies and certificates. The providers' SDKs stand on it too; they take a second or more of CPU time to import, and as
much a request again as all the rest.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx2

from rlkd_data import __version__
from rlkd_data.chat.backends.failures import (
    Endpoint,
    failure,
    load_object,
    malformed,
    redirected,
    timed_out,
    unreachable,
)
from rlkd_data.chat.types import Failed

LONGEST_REPLY = 64 << 20
"""Bytes of a body, unpacked; more than a model writes."""
_UNSENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)
"""Failures before a request went over its connection: nobody is charged for it."""
_JSON = {"Content-Type": "application/json"}


class Connection:
    """A pool of connections to one endpoint. `headers` are the protocol's own, the key among them; the environment's
    (`OPENAI_CUSTOM_HEADERS`, where `vendor` is OPENAI) and those of the endpoint come on top. `timeout` is in seconds,
    for the whole of one request."""

    def __init__(self, at: Endpoint, vendor: str, headers: Mapping[str, str], timeout: float) -> None:
        self._at, self._timeout = at, timeout
        self.watch: Callable[[Mapping[str, str], float], None] = lambda headers, age: None
        """Told every reply's headers, and the seconds since its request was sent."""
        bare, _, query = at.base_url.partition("?")
        self._url, self._query = bare.rstrip("/"), dict(parse_qsl(query))
        self._client = _open_client(timeout, self._look)
        self._headers = httpx2.Headers(self._client.headers)
        ours = {"Accept": "application/json", "User-Agent": f"rlkd/{__version__}"}
        azure = {"api-key": at.key} if "api-version" in self._query else {}
        for more in (ours, headers, azure, _of_environment(vendor), at.headers):
            self._headers.update(more)
        self._json = self._headers.copy()
        self._json.update(_JSON)
        self._places: dict[str, httpx2.URL] = {}
        self._limits = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), timeout)}

    async def _look(self, response: httpx2.Response) -> None:
        """Refuse to follow a redirect to another server, which would be sent the prompt."""
        if response.has_redirect_location and not _same_server(response):
            raise redirected(self._at)

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The JSON object that the server answers with. Raises Retryable, Rejected or Hopeless."""
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        return await self._object(self._request("POST", self._place(path), self._json, content=content), self._timeout)

    async def get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The same, for a question without a body."""
        place = self._place(path).copy_merge_params(query or {})
        return await self._object(self._request("GET", place, self._headers), self._timeout)

    async def send(self, path: str, pieces: AsyncIterator[bytes], size: int) -> dict[str, Any]:
        """Post a JSON body of `size` bytes that is never in memory as a whole."""
        headers = self._json.copy()
        headers["Content-Length"] = str(size)
        return await self._object(self._request("POST", self._place(path), headers, content=pieces), None)

    async def upload(self, path: str, name: str, file: Path, fields: dict[str, str]) -> dict[str, Any]:
        """Post a form with a file of JSON lines in it."""
        with file.open("rb") as stream:
            form = {"data": fields, "files": {"file": (name, stream, "application/jsonl")}}
            return await self._object(self._request("POST", self._place(path), self._headers, **form), None)

    def _place(self, path: str) -> httpx2.URL:
        """The URL of a path, which is made once: that takes as long as a tenth of a request."""
        if path not in self._places:
            self._places[path] = httpx2.URL(self._url + path).copy_merge_params(self._query)
        return self._places[path]

    def _request(self, method: str, place: httpx2.URL, headers: httpx2.Headers, **content: Any) -> httpx2.Request:
        cookies = self._client.cookies or None
        return httpx2.Request(method, place, headers=headers, cookies=cookies, extensions=self._limits, **content)

    async def _object(self, request: httpx2.Request, within: float | None) -> dict[str, Any]:
        sent = time.monotonic()
        try:
            # httpx2's own limit is between two bytes, not for the whole.
            async with asyncio.timeout(within):
                response = await self._client.send(request, stream=True, follow_redirects=True)
                body = await self._whole(response)
        except Exception as problem:
            raise self._failed(problem) from None
        self.watch(response.headers, time.monotonic() - sent)
        if not response.is_success:
            raise failure(self._at, response.status_code, response.headers, _text(response, body))
        if body.startswith(b"{") and _is_utf8(response.headers.get("Content-Type", "")):
            try:
                return json.loads(body)  # type: ignore[no-any-return] # an object, by its first character
            except (ValueError, RecursionError):
                pass  # what it is instead is found out below
        return load_object(self._at, _text(response, body))

    async def _whole(self, response: httpx2.Response) -> bytes:
        pieces: list[bytes] = []
        taken = 0
        try:
            async for piece in response.aiter_bytes():
                taken += len(piece)
                if taken > LONGEST_REPLY:
                    raise malformed(self._at, f"more than {LONGEST_REPLY >> 20} MB, unpacked", few=True)
                pieces.append(piece)
        finally:
            await response.aclose()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def stream(self, path: str) -> AsyncGenerator[bytes]:
        """A body of any size, in pieces; there is a limit between two of them, and none for the whole."""
        headers = self._headers.copy()
        headers["Accept"] = "application/binary"
        request = self._request("GET", self._place(path), headers)
        try:
            response = await self._client.send(request, stream=True, follow_redirects=True)
            try:
                if not response.is_success:
                    raise failure(
                        self._at,
                        response.status_code,
                        response.headers,
                        _text(response, await self._whole(response)),
                    )
                async with aclosing(response.aiter_bytes()) as pieces:
                    async for piece in pieces:
                        yield piece
            finally:
                await response.aclose()
        except Exception as problem:
            raise self._failed(problem) from None

    def _failed(self, problem: Exception) -> Exception:
        """What a library's error means for the request; the error itself where it is none of HTTP's."""
        if isinstance(problem, Failed) or not isinstance(problem, (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError)):
            return problem
        if isinstance(problem, _UNSENT):
            return unreachable(self._at, problem)
        if isinstance(problem, (httpx2.TimeoutException, TimeoutError)):
            return timed_out(self._at, self._timeout)
        return unreachable(self._at, problem, sent=True)

    async def close(self) -> None:
        await self._client.aclose()


def _open_client(timeout: float, look: Callable[[httpx2.Response], Any]) -> httpx2.AsyncClient:
    """Over aiohttp where it is installed."""
    kind = httpx2.AsyncClient
    if importlib.util.find_spec("aiohttp"):
        from rlkd_data.chat.backends.over_aiohttp import Client

        kind = Client
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=100)
    return kind(timeout=timeout, limits=limits, event_hooks={"response": [look]})


def _of_environment(vendor: str) -> dict[str, str]:
    """The headers that a user's environment asks for: a `Name: value` a line."""
    lines = os.environ.get(f"{vendor}_CUSTOM_HEADERS", "").splitlines()
    pairs = [(name.strip(), value.strip()) for name, colon, value in (line.partition(":") for line in lines) if colon]
    return {name: value for name, value in pairs if name}


def _same_server(response: httpx2.Response) -> bool:
    """Whether a redirect stays where it was asked, or goes from http to https there."""
    asked = response.request.url
    try:
        told = asked.join(response.headers["Location"])
    except (httpx2.InvalidURL, UnicodeError, ValueError):
        return False
    upgraded = (asked.scheme, told.scheme) == ("http", "https") and asked.port is None and told.port is None
    return told.host == asked.host and (upgraded or (told.scheme, told.port) == (asked.scheme, asked.port))


def _is_utf8(kind: str) -> bool:
    """Whether a body of this content type is UTF-8, as one is that says nothing."""
    return "charset" not in kind.lower() or "utf-8" in kind.lower()


def _text(response: httpx2.Response, body: bytes) -> str:
    """A body as text, whatever its charset says it is."""
    try:
        return body.decode(response.charset_encoding or "utf-8")
    except (UnicodeError, LookupError):
        return body.decode(errors="replace")
