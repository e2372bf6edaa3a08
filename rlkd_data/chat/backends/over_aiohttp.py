"""httpx2 over aiohttp, which takes a third of the CPU time a request: its own pool looks at every connection each time.

Proxies are left to httpx2's own transport, which knows all kinds of them.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx2

_PIECE = 16 << 10
"""Bytes taken at once: what a packed body swells to is looked at between two."""
_KEPT = 5.0
"""Seconds that a connection without work is kept: most servers keep theirs longer."""
_MEANINGS: tuple[tuple[type[Exception], type[httpx2.TransportError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx2.ConnectTimeout),
    (aiohttp.ServerTimeoutError, httpx2.ReadTimeout),
    (aiohttp.ClientConnectorError, httpx2.ConnectError),
    (aiohttp.InvalidURL, httpx2.UnsupportedProtocol),
    (aiohttp.ClientPayloadError, httpx2.ReadError),
    (aiohttp.ClientConnectionError, httpx2.NetworkError),
    (aiohttp.ClientError, httpx2.RemoteProtocolError),
    (OSError, httpx2.NetworkError),
)
"""The first that fits: which of them say that nothing was sent must not be mixed with the others."""


class Client(httpx2.AsyncClient):
    """Asks over aiohttp where no proxy of the environment stands between."""

    def _init_transport(self, *given: Any, **named: Any) -> httpx2.AsyncBaseTransport:
        """httpx2's place for it; should a later version have another, that version's own transport is used."""
        return Transport()


class Transport(httpx2.AsyncBaseTransport):
    """One pool of connections, as many as are asked for at once. It is opened by its first request, in the event loop
    of that."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._tls: ssl.SSLContext | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            content: Any = request.content or None
        except httpx2.RequestNotRead:
            content = request.stream
            request.headers.pop("Transfer-Encoding", None)  # aiohttp says so itself
        limit = request.extensions.get("timeout", {})
        timeout = aiohttp.ClientTimeout(
            total=None, connect=None, sock_connect=limit.get("connect"), sock_read=limit.get("read")
        )
        try:
            answer = await self._opened().request(
                request.method,
                str(request.url),
                headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw],
                data=content,
                allow_redirects=False,
                timeout=timeout,
                ssl=self._secured() if request.url.scheme == "https" else True,
            )
        except (aiohttp.ClientError, OSError) as problem:
            raise _meaning(problem) from problem
        return httpx2.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer), request=request)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT),
                cookie_jar=aiohttp.DummyCookieJar(),  # httpx2 keeps them
                auto_decompress=False,
            )
        return self._session

    def _secured(self) -> ssl.SSLContext:
        """With the certificates that httpx2 takes; reading them takes a moment, which plain HTTP is spared."""
        if self._tls is None:
            self._tls = httpx2.create_ssl_context()
        return self._tls

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


class _Body(httpx2.AsyncByteStream):
    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._answer.content.iter_chunked(_PIECE):
                yield piece
        except (aiohttp.ClientError, OSError) as problem:
            raise _meaning(problem) from problem

    async def aclose(self) -> None:
        if self._answer.content.at_eof():
            self._answer.release()
        else:
            self._answer.close()


def _meaning(problem: Exception) -> httpx2.TransportError:
    kind = next(meant for kind, meant in _MEANINGS if isinstance(problem, kind))
    return kind(str(problem) or type(problem).__name__)
