"""Servers that are not as the protocol says: the first part of the path names how, http://127.0.0.1:PORT/HOW/v1.

`python -m tests.support.strange_server --port 0` prints its port; GET /stats gives the bodies that each was asked with
(without their messages). What each does is in `strange_ways`
and `strange_thoughts`.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
from typing import Any

from aiohttp import web

from tests.support import strange_thoughts, strange_ways
from tests.support.strange_ways import Said

WAYS = strange_ways.WAYS | strange_thoughts.WAYS


class Strange:
    def __init__(self) -> None:
        self.asked: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
        self.app = web.Application()
        self.app.router.add_get("/stats", self.stats)
        self.app.router.add_post("/{way}/{rest:.*}", self.ask)

    async def stats(self, _: web.Request) -> web.Response:
        return web.json_response(self.asked)

    async def ask(self, request: web.Request) -> web.Response:
        way, body = request.match_info["way"], await request.json()
        told = {name: value for name, value in body.items() if name != "messages"}
        told |= {
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "query": dict(request.query),
            "path": request.path,
        }
        told["prompt"] = [message["content"] for message in body["messages"]]
        self.asked[way].append(told)
        said: Said = WAYS[way](body, len(self.asked[way]))
        text = said.body if isinstance(said.body, str) else json.dumps(said.body)
        headers = {"Content-Type": "application/json"} | said.headers
        return web.Response(text=text, status=said.status, headers=headers)


async def serve(port: int) -> None:
    runner = web.AppRunner(Strange().app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    asyncio.run(serve(parser.parse_args().port))
