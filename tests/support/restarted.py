"""A server that can be started anew on its port with other answers under the same name."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LISTED: dict[str, Any] = {"id": "m", "object": "model", "owned_by": "vllm", "permission": [{"id": "x"}]}


@contextmanager
def serving(
    answer: str, port: int = 0, *, root: str | None = "/weights/a", fails: bool = False, print_: str | None = None
) -> Iterator[tuple[int, list[str]]]:
    """(port, the prompts that it was asked): a server whose model says `answer`, until it is shut down."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._send(200 if root else 404, {"data": [LISTED | {"root": root, "created": len(asked)}]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(body["messages"][-1]["content"])
            if fails and len(asked) > 1:
                self._send(401, {"error": {"message": "no"}})
                return
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": answer}}
            usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
            self._send(200, {"model": "m", "choices": [choice], "usage": usage, "system_fingerprint": print_})

        def _send(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
