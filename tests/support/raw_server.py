"""A server in this event loop that answers what no library would let one answer: bytes, a cut line, nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

CUT: bytes | None = None
"""An answer that is never sent: the line is cut instead."""


@dataclass
class RawServer:
    """`asked`: the bodies that came; `answer` may be changed at any time."""

    answer: Callable[[dict[str, Any], int], Awaitable[bytes | None]]
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)


def completion(text: str = "It is \\boxed{4}.", **more: Any) -> dict[str, Any]:
    """A chat completion of 100 tokens in and 50 out."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 100, "completion_tokens": 50}
    return {"id": "1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage} | more


def http(body: Any, status: int = 200, *headers: str) -> bytes:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(raw)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


@asynccontextmanager
async def raw_server(
    answer: Callable[[dict[str, Any], int], Awaitable[bytes | None]],
) -> AsyncIterator[RawServer]:
    """`answer(body, number)` gives the whole of an HTTP answer, or CUT. `number` counts from 1."""
    server = RawServer(answer)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                size = int(head.partition("content-length:")[2].split("\r\n")[0])
                body = json.loads(await reader.readexactly(size))
                server.asked.append(body)
                answered = await server.answer(body, len(server.asked))
                if answered is None:
                    return
                writer.write(answered)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        listening.close()
