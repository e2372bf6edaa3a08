"""A chat-completions server for benchmarks: a fixed latency, one reply for all, hardly any work of its own.

python -m tests.support.lean_server --latency 0.2     prints its port; GET /stats: answers, and when the first was asked
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

REPLY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "The parts add up, and each was checked before the next. " * 40,
            },
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 2000, "completion_tokens": 400, "total_tokens": 2400},
}
BODY = json.dumps(REPLY).encode()


class Counts:
    answered = 0
    first = 0.0
    """When the first request came, as `time.time` has it."""


def response(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


ANSWER = response(BODY)


class Connection(asyncio.Protocol):
    """HTTP/1.1 with a Content-Length, as the SDKs send it; requests of one connection follow each other."""

    def __init__(self, latency: float) -> None:
        self._latency, self._got = latency, bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return
        if self._got.startswith(b"GET "):
            self._got.clear()
            self._write(response(json.dumps({"answered": Counts.answered, "first": Counts.first}).encode()))
            return
        head = bytes(self._got[:end]).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        if len(self._got) >= end + 4 + length:
            self._got.clear()
            Counts.first = Counts.first or time.time()
            asyncio.get_running_loop().call_later(self._latency, self._answer)

    def _answer(self) -> None:
        Counts.answered += 1
        self._write(ANSWER)

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)  # type: ignore[attr-defined]


async def serve(port: int, latency: float) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(latency), "127.0.0.1", port, backlog=4096
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0)
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.latency))
