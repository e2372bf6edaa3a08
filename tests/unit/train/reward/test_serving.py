"""The reward server's own ways: what a body asks, who is let in, slow and large senders, and the end. One application
in this process, asked over real connections; signals are tested with the command, in tests/integration."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from rlkd_data.errors import InputError
from rlkd_train.config import RewardServerSettings
from rlkd_train.reward import asked
from rlkd_train.reward.asked import Asked, BadRequest
from rlkd_train.reward.door import let_in, token_of
from rlkd_train.reward.reading import Reader
from rlkd_train.reward.serving import Serving

LARGE = "y" * 300_000


def settings(**given: Any) -> RewardServerSettings:
    return RewardServerSettings.model_validate({"decompositions": ["steps"], "port": 0, "header_timeout": 0.3} | given)


def body(*texts: Any, **more: Any) -> bytes:
    return json.dumps({"completions": texts, "problem_ids": ["p"] * len(texts)} | more).encode()


def test_a_body_comes_through_another_process_as_it_is() -> None:
    found = [Asked("half \ud83d, ü, \0", "p", None), Asked("", None, "what?"), Asked("x" * 70_000, "", "")]
    assert asked.unpack(b"".join(asked.pack(found))) == found
    assert asked.read(body("a", [{"role": "assistant", "content": "b"}]), 2) == [
        Asked("a", "p", None),
        Asked("b", "p", None),
    ]
    with pytest.raises(BadRequest, match="3 completions are more than the 2 allowed"):
        asked.read(body("a", "b", "c"), 2)


@pytest.mark.parametrize(
    ("headers", "token", "status"),
    [
        ({"Host": "127.0.0.1:8900"}, None, None),
        ({"Host": "[::1]:8900"}, None, None),
        ({"Host": "LOCALHOST"}, None, None),
        ({}, None, None),
        ({"Host": "evil.example:8900"}, None, 403),
        ({"Host": "[::"}, None, 403),
        ({"Origin": "http://127.0.0.1:8900"}, None, 403),
        ({"Origin": "null", "Authorization": "Bearer word"}, "word", 403),
        ({"Sec-Fetch-Site": "cross-site"}, None, 403),
        ({"Host": "gpu7"}, "word", 401),
        ({"Host": "gpu7", "Authorization": "Bearer other"}, "word", 401),
        ({"Host": "gpu7", "Authorization": "Bearer \udcff"}, "word", 401),
        ({"Host": "gpu7", "Authorization": "Bearer word"}, "word", None),
    ],
)
def test_who_is_let_in(headers: dict[str, str], token: str | None, status: int | None) -> None:
    if status is None:
        let_in(headers, token)
        return
    with pytest.raises(BadRequest) as refused:
        let_in(headers, token)
    assert refused.value.status == status
    if status == 401:
        let_in(headers, token, knock=True)


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "gpu7", "192.0.2.1"])
def test_a_token_is_required_where_others_can_reach_the_server(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="--token-env"):
        token_of(settings(host=host))
    monkeypatch.setenv("RLKD_TEST_TOKEN", " word ")
    assert token_of(settings(host=host, token_env="RLKD_TEST_TOKEN")) == "word"
    assert token_of(settings(host="127.0.0.2")) is None and token_of(settings(host="::1")) is None


class Running:
    """A server that says how many completions it was asked for; `hold` keeps its answers back."""

    def __init__(self, url: str, reader: Reader, hold: asyncio.Event) -> None:
        self.url, self.reader, self.hold = url, reader, hold
        self.host, _, port = url.removeprefix("http://").partition(":")
        self.port = int(port)

    async def post(self, data: Any, **headers: str) -> tuple[int, Any]:
        async with aiohttp.ClientSession() as client, client.post(self.url, data=data, headers=headers) as reply:
            return reply.status, await reply.json()

    async def raw(self, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        writer.write(data)
        await writer.drain()
        return reader, writer


@asynccontextmanager
async def serving(capsys: pytest.CaptureFixture[str], **given: Any) -> AsyncIterator[Running]:
    chosen = settings(**given)
    reader = Reader(int(chosen.max_megabytes * 2**20), chosen.body_timeout, chosen.max_completions)
    hold = asyncio.Event()
    hold.set()

    async def score(request: web.Request) -> web.Response:
        try:
            found = await reader.read(request)
        except BadRequest as problem:
            return web.json_response(str(problem), status=problem.status)
        await hold.wait()
        return web.json_response(len(found))

    app = web.Application()
    app.router.add_post("/", score)
    served = Serving(chosen)
    task = asyncio.create_task(served.until_stopped(app, reader.stop))
    while not (said := capsys.readouterr().out):
        await asyncio.sleep(0.01)
    try:
        yield Running(said.strip(), reader, hold)
    finally:
        if not served.stopping:
            os.kill(os.getpid(), signal.SIGTERM)
        assert await task


@pytest.fixture(autouse=True)
def no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends a server's process is not to end the tests'."""
    monkeypatch.setattr(Serving, "_end_at_last", lambda self, seconds: None)


async def test_large_and_packed_bodies_are_read_apart_within_limits(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(capsys, max_megabytes=1, max_completions=50_000) as server:
        assert await server.post(body("a", LARGE, "b")) == (200, 3)
        assert await server.post(gzip.compress(body("a")), **{"Content-Encoding": "gzip"}) == (200, 1)

        async def slices() -> AsyncIterator[bytes]:
            yield body("a")[:9]
            yield body("a")[9:]

        assert await server.post(slices()) == (200, 1)
        for data, headers, status, line in (
            (body(LARGE, 3), {}, 422, "completions[1] is neither a text"),
            (b"[" * 400_000, {}, 400, "the body is not JSON"),
            (body(*["a"] * 60_000), {}, 413, "60,000 completions are more than the 50,000 allowed"),
            (body("a" * (1 << 20)), {}, 413, "the body is larger than the 1,048,576 bytes allowed"),
            (gzip.compress(b" " * (8 << 20)), {"Content-Encoding": "gzip"}, 413, "the body is larger than"),
            (b"no gzip", {"Content-Encoding": "gzip"}, 400, "the body cannot be read"),
        ):
            found = await server.post(data, **headers)
            assert found[0] == status and found[1].startswith(line), (data[:40], found)


async def test_slow_senders_lose_their_connection_and_hold_nobody_up(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(capsys, body_timeout=0.3, max_megabytes=1) as server:
        head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        silent = [await server.raw(begun) for begun in (b"", b"POS", head, head + b"X-Slow: ")]

        async def drip(writer: asyncio.StreamWriter) -> None:
            while True:
                writer.write(b"x")
                await asyncio.sleep(0.02)

        reader, writer = await server.raw(head + b"X-Slow: ")
        dripping = asyncio.create_task(drip(writer))
        with suppress(ConnectionResetError):  # what drips into a closed connection resets it
            assert await reader.read() == b""
        dripping.cancel()
        for reader, _ in silent:
            assert await reader.read() == b""
        for begun in (
            b"Content-Length: 99\r\n\r\n{",
            b"Content-Length: 900000\r\n\r\n{",
            b"Transfer-Encoding: chunked\r\n\r\n",
        ):
            reader, _ = await server.raw(head + begun)
            assert b" 408 " in await reader.readline()
        assert await server.post(body("a")) == (200, 1)


async def test_slow_senders_of_large_bodies_hold_up_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(capsys, body_timeout=600, max_megabytes=1) as server:
        begun = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900000\r\n\r\n{"
        slow = [await server.raw(begun) for _ in range(8)]
        async with asyncio.timeout(60):
            assert await server.post(body("a", LARGE, "b")) == (200, 3)
        for _, writer in slow:
            writer.close()


async def test_the_end_answers_what_is_in_flight_and_nothing_that_has_not_arrived(
    capsys: pytest.CaptureFixture[str],
) -> None:
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
    async with serving(capsys, header_timeout=60) as server:
        server.hold.clear()
        asked_first = asyncio.create_task(server.post(body("in flight")))
        await asyncio.sleep(0.05)
        half = [await server.raw(head + length + b"\r\n\r\n{") for length in (b"99", b"900000")]
        idle = [await server.raw(begun) for begun in (b"", head)]
        await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)
        for reader, _ in half:
            assert b" 503 " in await reader.readline()
        assert not asked_first.done()
        server.hold.set()
        assert await asked_first == (200, 1)
    for reader, _ in idle:
        assert await reader.read() == b""
