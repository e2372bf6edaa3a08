"""What the two batch servers for tests share: items with fates, a count of what was paid, and calls that can be held.

A held call is how a test kills its client at an exact point: `before` the server acted, `after` it acted and before
the client hears of it, or `late`: the client is dead, and the server acts once somebody has listed the batches.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import hashlib
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tests.support.fake_server import Protocol, Script, canonical, parser, prompt_text

_CONTROL = ("/stats", "/reset", "/hold", "/held", "/release", "/edit")


@dataclass
class Batch:
    """`fates`: what becomes of each item (ok, expired, canceled, a status, or missing); known from the start, shown at
    the end."""

    id: str
    requests: list[dict[str, Any]]
    fates: list[str]
    created: datetime
    more: dict[str, Any] = field(default_factory=dict)
    looks: int = 0
    cancelled: bool = False
    refused: str | None = None


class BatchServer:
    """Ends a batch after so many looks. Subclasses speak a protocol."""

    def __init__(self, protocol: Protocol, options: argparse.Namespace) -> None:
        self.protocol, self.options = protocol, options
        self.script = Script(options.reply_file, options.reply_function)
        self.app = web.Application(client_max_size=1 << 28, middlewares=[self._hold])
        self.app.router.add_get("/stats", self._stats)
        self.app.router.add_post("/reset", self._reset)
        self.app.router.add_post("/hold", self._set_hold)
        self.app.router.add_get("/held", self._wait_held)
        self.app.router.add_post("/release", self._release)
        self.app.router.add_post("/edit", self._edit)
        self.clear()

    def clear(self) -> None:
        self.batches: dict[str, Batch] = {}
        self.paid: collections.Counter[str] = collections.Counter()
        self.seen: collections.Counter[str] = collections.Counter()
        self.calls: list[str] = []
        self.creates = 0
        self.hold: dict[str, Any] = {}
        self.held, self.released, self.listed = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.act = True

    # ---- held calls -------------------------------------------------------------------------------------------------

    @web.middleware
    async def _hold(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path in _CONTROL:
            return await handler(request)  # type: ignore[no-any-return]
        # All of it is here from now on, whatever becomes of the client.
        await (request.post() if request.content_type.startswith("multipart/") else request.read())
        self.calls.append(f"{request.method} {request.path}")
        due = len(self.calls) == self.hold.get("at")
        when = self.hold.get("when") if due else None
        if when in ("before", "late"):
            self.held.set()
            await (self.released.wait() if when == "before" else self.listed.wait())
            if not self.act:
                return web.json_response({}, status=503)
        answer: web.StreamResponse = await handler(request)
        if when == "after":
            self.held.set()
            await self.released.wait()
        return answer

    async def _set_hold(self, request: web.Request) -> web.Response:
        self.hold = await request.json()
        return web.json_response({})

    async def _wait_held(self, _: web.Request) -> web.Response:
        await self.held.wait()
        return web.json_response({})

    async def _release(self, request: web.Request) -> web.Response:
        self.act = (await request.json())["act"]
        self.released.set()
        return web.json_response({})

    async def _edit(self, request: web.Request) -> web.Response:
        """Change options while the server runs."""
        for name, value in (await request.json()).items():
            setattr(self.options, name, value)
        return web.json_response({})

    async def _stats(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "calls": self.calls,
                "batches": [{"id": b.id, "count": len(b.requests), "fates": b.fates} for b in self.batches.values()],
                "paid": dict(self.paid),
            }
        )

    async def _reset(self, _: web.Request) -> web.Response:
        self.clear()
        return web.json_response({})

    # ---- batches ----------------------------------------------------------------------------------------------------

    def make(self, requests: list[dict[str, Any]], body: str, **more: Any) -> Batch:
        """A batch of these requests, whose bodies are under the name `body`. Here the money is spent."""
        ids = [request["custom_id"] for request in requests]
        assert len(set(ids)) == len(ids), "custom_id is not unique"
        batch = Batch(f"batch_{len(self.batches)}", requests, [], datetime.now(UTC), more)
        self.batches[batch.id] = batch
        if self.options.refuse:
            batch.refused = self.options.refuse.pop(0)
            return batch
        for request in requests:
            name = hashlib.sha256(canonical(request[body]).encode()).hexdigest()
            self.seen[name] += 1
            fate = self.fate(prompt_text(request[body]), self.seen[name])
            batch.fates.append(fate)
            self.paid[name] += fate == "ok"
        return batch

    def fate(self, prompt: str, times: int) -> str:
        """`WORD=KIND`, for requests with the word in the prompt; `WORD=KIND:first` for their first time only."""
        for given in self.options.fate:
            word, _, kind = given.partition("=")
            kind, _, when = kind.partition(":")
            if word in prompt and (when != "first" or times == 1):
                return kind
        return "ok"

    def create_fault(self) -> str | None:
        """A fault of this create call: 429 or 500 without acting, `acted` for a 500 after acting."""
        self.creates += 1
        return self.options.create_fault.pop(0) if self.options.create_fault else None

    def shuffled(self, batch: Batch) -> list[tuple[dict[str, Any], str]]:
        pairs = [(r, f) for r, f in zip(batch.requests, batch.fates, strict=True) if f != "missing"]
        random.Random(batch.id).shuffle(pairs)
        return pairs

    def ended(self, batch: Batch) -> bool:
        return batch.cancelled or batch.looks > self.options.looks


def lines(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def batch_parser(description: str) -> argparse.ArgumentParser:
    made = parser(description)
    made.add_argument("--looks", type=int, default=1, help="looks at a batch before the one that finds it ended")
    made.add_argument("--fate", action="append", default=[], help="WORD=KIND or WORD=KIND:first, see BatchServer.fate")
    made.add_argument("--create-fault", action="append", default=[], help="429, 500 or acted: of one create call each")
    made.add_argument("--refuse", action="append", default=[], help="codes: each refuses one batch as a whole")
    return made


def serve_batches(server: BatchServer) -> None:
    """Serve until killed; the first line of standard output is the port."""

    async def run() -> None:
        runner = web.AppRunner(server.app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", server.options.port).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()

    asyncio.run(run())
