"""A server or proxy that breaks HTTP itself is a failure that may pass, never a traceback: over either transport."""

import asyncio
import importlib.util
from pathlib import Path

import pytest

from rlkd_data.chat.open import open_client
from rlkd_data.chat.types import Failed, Message, Request, Retryable
from rlkd_data.config import ChatSettings

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
BROKEN = {
    "body cut short": (_OK + b'Content-Length: 1000\r\n\r\n{"choi', "connection"),
    "chunk cut short": (_OK + b'Transfer-Encoding: chunked\r\n\r\nff\r\n{"choi', "connection"),
    "header cut short": (b"HTTP/1.1 200 OK\r\nContent-Le", "connection"),
    "not HTTP": (b"220 mail.example ESMTP\r\n\r\n", "connection"),
    "not gzip": (_OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde", "connection"),
    "redirected in a circle": (
        b"HTTP/1.1 308 Moved\r\nLocation: /here\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "connection",
    ),
    "not UTF-8": (_OK + b"Content-Length: 4\r\n\r\n\xff\xfe{}", "malformed"),
    "a page": (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>", "malformed"),
    "no content": (b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", "malformed"),
    "nested without end": (_OK + b"Content-Length: 100000\r\n\r\n" + b"[" * 100_000, "malformed"),
    "an error nested without end": (
        b"HTTP/1.1 500 Error\r\nContent-Length: 100000\r\nConnection: close\r\n\r\n" + b"[" * 100_000,
        "server_error",
    ),
}


async def failure(model: str, path: str, answer: bytes, store: Path) -> Failed:
    """What asking `model` ends with, where every request is answered with these bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = ChatSettings(base_url=f"http://127.0.0.1:{port}{path}", store=store, max_retries=0, timeout=10)
    async with server, open_client(model, settings) as client:
        with pytest.raises(Failed) as raised:
            await client.ask(Request((Message("user", "hi"),)))
    return raised.value


@pytest.mark.parametrize("transport", ["aiohttp", "httpx"])
@pytest.mark.parametrize(("model", "path"), [("openai:m", "/v1"), ("anthropic:c", "")], ids=["openai", "anthropic"])
@pytest.mark.parametrize("what", BROKEN)
async def test_broken_http_may_pass(
    what: str, model: str, path: str, transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if transport == "httpx":
        find = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: find(name) if name != "aiohttp" else None)
    answer, reason = BROKEN[what]
    found = await failure(model, path, answer, tmp_path / "s.sqlite")
    assert isinstance(found, Retryable) and found.reason == reason
    assert "\n" not in str(found) and len(str(found)) < 500
