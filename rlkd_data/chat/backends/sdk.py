"""One connection through the openai or the anthropic SDK: the two are made alike, down to the names of their errors.

An SDK carries bytes, keys and proxies; it neither retries (the scheduler does) nor reads the body (the backend does).
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

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
from rlkd_data.errors import MissingDependency

LONGEST_REPLY = 64 << 20
"""Bytes of a body, unpacked; more than a model writes."""
_PIECES = "application/binary"
"""What is accepted of a body that is read in pieces, and may be of any size."""


class Connection:
    """A pool of connections to one endpoint. `timeout` is in seconds, for the whole of one request.

    Raises MissingDependency without the SDK.
    """

    def __init__(self, at: Endpoint, package: str, client: str, timeout: float) -> None:
        try:
            import httpx2

            sdk = importlib.import_module(package)
        except ImportError as error:
            raise MissingDependency(package, f"the model {at.model}") from error
        self._at, self._timeout, self._errors, self._http = at, timeout, sdk, httpx2
        self.watch: Callable[[Mapping[str, str], float], None] = lambda headers, age: None
        """Told every reply's headers, and the seconds since its request was sent."""
        transport = sdk.DefaultAsyncHttpxClient
        self._lost: tuple[type[Exception], ...] = (httpx2.TransportError,)
        self._unsent: tuple[type[Exception], ...] = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
        self._beneath: type[Exception] | None = None
        if importlib.util.find_spec("aiohttp"):  # takes less CPU time a request
            transport = sdk.DefaultAioHttpClient
            # Not all of its errors are translated by every SDK: what is not HTTP, for one.
            aiohttp = importlib.import_module("aiohttp")
            self._lost += (aiohttp.ClientError,)
            self._unsent += (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
            self._beneath = aiohttp.ClientError
        bare, _, query = at.base_url.partition("?")
        azure = {"api-key": at.key} if "api-version=" in query else {}
        self._client = getattr(sdk, client)(
            api_key=at.key,
            base_url=bare,
            default_query=dict(parse_qsl(query)),
            default_headers=azure | dict(at.headers),
            max_retries=0,
            timeout=timeout,
            http_client=transport(base_url=bare, timeout=timeout, event_hooks={"response": [self._look]}),
        )

    async def _look(self, response: Any) -> None:
        """Refuse to follow a redirect to another server, which would be sent the prompt, and bound a body."""
        if response.has_redirect_location and not _same_server(self._http, response):
            raise redirected(self._at)
        if response.request.headers.get("Accept") != _PIECES:
            pieces = response.aiter_bytes
            response.aiter_bytes = lambda *given: self._bounded(pieces(*given))

    async def _bounded(self, pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        taken = 0
        async with aclosing(pieces):
            async for piece in pieces:
                taken += len(piece)
                if taken > LONGEST_REPLY:
                    raise malformed(self._at, f"more than {LONGEST_REPLY >> 20} MB, unpacked", few=True)
                yield piece

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The JSON object that the server answers with. Raises Retryable, Rejected or Hopeless."""
        sent = time.monotonic()
        # The SDK's own limit is between two bytes, not for the whole.
        async with self._explained(), asyncio.timeout(self._timeout):
            response = await self._client.post(path, body=body, cast_to=self._http.Response)
        self.watch(response.headers, time.monotonic() - sent)
        return load_object(self._at, _text(response))

    async def get(self, path: str, query: dict[str, Any] | None = None) -> dict[str, Any]:
        """The same, for a question without a body."""
        async with self._explained(), asyncio.timeout(self._timeout):
            response = await self._client.get(path, options={"params": query or {}}, cast_to=self._http.Response)
        return load_object(self._at, _text(response))

    @asynccontextmanager
    async def sdk(self) -> AsyncIterator[Any]:
        """The SDK's own client, for calls of any length; its errors become Retryable, Rejected or Hopeless."""
        async with self._explained():
            yield self._client

    async def stream(self, path: str) -> AsyncGenerator[bytes]:
        """A body of any size, in pieces; there is a limit between two of them, and none for the whole."""
        headers = {"X-Stainless-Raw-Response": "stream", "Accept": _PIECES}
        async with self._explained():
            response = await self._client.get(path, options={"headers": headers}, cast_to=self._http.Response)
            try:
                async for piece in response.aiter_bytes():
                    yield piece
            finally:
                await response.aclose()

    async def send(self, path: str, pieces: AsyncIterator[bytes], size: int) -> dict[str, Any]:
        """Post a JSON body of `size` bytes that is never in memory as a whole."""
        headers = {"Content-Type": "application/json", "Content-Length": str(size)}
        async with self._explained():
            response = await self._client.post(
                path, content=pieces, options={"headers": headers}, cast_to=self._http.Response
            )
        return load_object(self._at, _text(response))

    @asynccontextmanager
    async def _explained(self) -> AsyncIterator[None]:
        sent = time.monotonic()
        try:
            yield
        except self._errors.APIStatusError as error:
            self.watch(error.response.headers, time.monotonic() - sent)
            raise failure(self._at, error.status_code, error.response.headers, error.response.text) from None
        except self._errors.APITimeoutError as error:
            # aiohttp's transport calls every lost or refused connection a ConnectTimeout.
            if isinstance(error.__cause__, self._http.ConnectTimeout):
                raise unreachable(self._at, error, sent=self._was_sent(error)) from None
            raise timed_out(self._at, self._timeout) from None
        except self._errors.APIConnectionError as error:
            if isinstance(error.__cause__, Failed):  # what `_look` says of it
                raise error.__cause__ from None
            raise unreachable(self._at, error, sent=self._was_sent(error)) from None
        except TimeoutError:
            raise timed_out(self._at, self._timeout) from None
        except self._lost as error:
            raise unreachable(self._at, error, sent=self._was_sent(error)) from None

    def _was_sent(self, error: BaseException) -> bool:
        """Whether a request whose connection failed may have gone over it: the innermost error of a library tells."""
        causes: list[BaseException] = []
        while error not in causes:
            causes.append(error)
            error = error.__cause__ or error.__context__ or error
        if self._beneath is not None:
            causes = [cause for cause in causes if isinstance(cause, self._beneath)] or causes
        return not any(isinstance(cause, self._unsent) for cause in causes)

    async def close(self) -> None:
        await self._client.close()


def _same_server(http: Any, response: Any) -> bool:
    """Whether a redirect stays where it was asked, or goes from http to https there."""
    asked = response.request.url
    try:
        told = asked.join(response.headers["Location"])
    except (http.InvalidURL, UnicodeError, ValueError):
        return False
    upgraded = (asked.scheme, told.scheme) == ("http", "https") and asked.port is None and told.port is None
    return told.host == asked.host and (upgraded or (told.scheme, told.port) == (asked.scheme, asked.port))


def _text(response: Any) -> str:
    """A body as text, whatever its charset says it is."""
    try:
        return str(response.text)
    except (UnicodeError, LookupError):
        return bytes(response.content).decode(errors="replace")
