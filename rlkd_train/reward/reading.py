"""The reward server's side of a body's way in: how long it may take, how large it may be, how many at once."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Coroutine
from typing import IO, Any, TypeVar

from aiohttp import web

from rlkd_train.reward import asked
from rlkd_train.reward.asked import Asked, BadRequest

T = TypeVar("T")

_SMALL = 1 << 18
"""Bytes of JSON that are read at once: what takes a few milliseconds, whatever stands in it."""
_LARGE_AT_ONCE = 2
"""Large bodies that are read at a time, once they have arrived; they take memory."""
_ARRIVING = 32
"""Large bodies that arrive at a time, on the disk: a slow sender holds up no other. More of them wait."""
_VALUES = 12
"""Times its size that a body may take as values; lists of nothing take most."""
_PYTHON = 256 << 20
"""Bytes that a process may take beside."""


class Reader:
    """Reads bodies of at most `max_bytes`, which arrive within `seconds`, with at most `most` completions."""

    def __init__(self, max_bytes: int, seconds: float, most: int) -> None:
        self._max_bytes, self._seconds, self._most = max_bytes, seconds, most
        self._large, self._arriving = asyncio.Semaphore(_LARGE_AT_ONCE), asyncio.Semaphore(_ARRIVING)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Refuse what has not arrived whole."""
        self._stopping.set()

    async def read(self, request: web.Request) -> list[Asked]:
        """What a request asks. Raises BadRequest."""
        told = request.content_length
        if told is not None and told > self._max_bytes:
            raise self._too_large()
        if told is not None and told <= _SMALL and "Content-Encoding" not in request.headers:
            return asked.read(await self._arrived(request.read()), self._most)
        with tempfile.TemporaryFile(prefix="rlkd-body-") as body:
            async with self._arriving:
                await self._arrived(self._spooled(request, body))
            body.seek(0)
            async with self._large:
                return await self._apart(body)

    def _too_large(self) -> BadRequest:
        return BadRequest(413, f"the body is larger than the {self._max_bytes:,} bytes allowed: send fewer completions")

    async def _arrived(self, arriving: Coroutine[Any, Any, T]) -> T:
        """What has arrived. A sender who takes too long, or has not done when the server stops, is sent away."""
        reading = asyncio.ensure_future(arriving)
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({reading, stopping}, timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                return reading.result()
            if self._stopping.is_set():
                raise BadRequest(503, "the server is stopping: ask again when it is back")
            raise BadRequest(408, f"the body did not arrive within {self._seconds:g} s")
        except web.RequestPayloadError as problem:
            raise BadRequest(400, f"the body cannot be read: {str(problem).splitlines()[-1].strip()}") from None
        finally:
            reading.cancel()
            stopping.cancel()

    async def _apart(self, body: IO[bytes]) -> list[Asked]:
        """A large body is read by a process of its own; it is not held here."""
        memory = _VALUES * self._max_bytes + _PYTHON
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", asked.__file__, str(self._most), str(memory)),
            stdin=body,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        if said[:1] == asked.READ:
            return asked.unpack(said[1:])
        status, _, line = said[1:].decode(errors="replace").partition(" ")
        if said[:1] == asked.REFUSED and status.isdigit():
            raise BadRequest(int(status), line)
        raise BadRequest(413, "the body could not be read with the memory that there is: send fewer completions")

    async def _spooled(self, request: web.Request, body: IO[bytes]) -> None:
        size = 0
        async for some in request.content.iter_any():
            size += len(some)
            if size > self._max_bytes:
                raise self._too_large()
            try:
                body.write(some)
            except OSError as problem:
                raise BadRequest(503, f"the server has no room for the body ({problem.strerror})") from None
        body.flush()
