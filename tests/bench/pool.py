"""A pool of three stub servers of different speed, one of which dies, beside the best possible and a plain round robin.

    python tests/bench/pool.py [--requests 600] [--prefixes 6] [--dies-after 3.0]

Each server is a process with so many slots; what is over them waits there. It remembers a few prefixes, and takes
longer for a request with another (it reads the prefix anew). The floor is what all slots together need, the dying
server's until it dies, with every prefix remembered. Printed: wall time ÷ floor, the share of requests whose prefix was
remembered, and who answered.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
import urllib.request
from collections import OrderedDict
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

SPEEDS = (0.2, 0.4, 0.8)
"""Seconds a request, of the three servers."""
SLOTS, REMEMBERED, ANEW = 8, 3, 1.0
"""A server's slots, the prefixes in its cache, and how much longer (as a share) another prefix takes."""
DIES = 1
"""Which of the servers dies."""


def serve(seconds: float, ports: Queue[int]) -> None:
    from aiohttp import web

    slots, cache, counts = asyncio.Semaphore(SLOTS), OrderedDict[str, None](), {"hits": 0, "answered": 0}

    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        prefix = body["messages"][0]["content"]
        async with slots:
            hit = prefix in cache
            cache[prefix] = None
            cache.move_to_end(prefix)
            while len(cache) > REMEMBERED:
                cache.popitem(last=False)
            await asyncio.sleep(seconds * (1.0 if hit else 1.0 + ANEW))
        counts["hits"] += hit
        counts["answered"] += 1
        message = {"role": "assistant", "content": "The answer is 4."}
        usage = {"prompt_tokens": 10, "completion_tokens": 5}
        return web.json_response(
            {"model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}
        )

    async def main() -> None:
        application = web.Application()
        application.router.add_post("/v1/chat/completions", answer)
        application.router.add_get("/counts", lambda _: asyncio.sleep(0, web.json_response(counts)))
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        ports.put(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(main())


async def ask(urls: list[str], requests: int, prefixes: int, *, robin: bool) -> tuple[float, dict[str, int]]:
    from rlkd_data.chat.open import open_client
    from rlkd_data.chat.pool import Pool
    from rlkd_data.chat.types import Message, Reply, Request
    from rlkd_data.config import ChatSettings

    class Robin(Pool):
        turn = 0

        def _choose(self, among: Any, prefix: bytes) -> Any:
            able = [server for server in among if server.takes(self._clock())] or list(among)
            self.turn += 1
            return able[self.turn % len(able)]

    with tempfile.TemporaryDirectory() as scratch:
        settings = ChatSettings(base_url=" ".join(urls), concurrency=SLOTS * 3, store=Path(scratch) / "store.sqlite")
        async with open_client("openai:m", settings) as client:
            if robin:
                client.backend.__class__ = Robin
            chance = random.Random(0)
            asked = (
                (n, Request((Message("system", f"few-shots {chance.randrange(prefixes)}"), Message("user", f"{n}"))))
                for n in range(requests)
            )
            began = time.perf_counter()
            replies = [reply async for _, reply in client.ask_all(asked)]
            assert sum(isinstance(reply, Reply) for reply in replies) == requests
            return time.perf_counter() - began, client.backend.answered  # type: ignore[attr-defined]


def floor(requests: int, dies_after: float | None) -> float:
    """Seconds that the slots need for so many requests."""
    rates = [SLOTS / seconds for seconds in SPEEDS]
    if dies_after is None or requests <= sum(rates) * dies_after:
        return requests / sum(rates)
    return dies_after + (requests - sum(rates) * dies_after) / (sum(rates) - rates[DIES])


def once(requests: int, prefixes: int, dies_after: float | None, *, robin: bool) -> None:
    context = multiprocessing.get_context("spawn")
    ports: list[int] = []
    servers = []
    for seconds in SPEEDS:
        queue: Queue[int] = context.Queue()
        server = context.Process(target=serve, args=(seconds, queue), daemon=True)
        server.start()
        servers.append(server)
        ports.append(queue.get(timeout=60))

    async def run() -> tuple[float, dict[str, int]]:
        if dies_after is not None and (pid := servers[DIES].pid) is not None:
            asyncio.get_running_loop().call_later(dies_after, os.kill, pid, signal.SIGKILL)
        return await ask([f"http://127.0.0.1:{port}/v1" for port in ports], requests, prefixes, robin=robin)

    try:
        took, answered = asyncio.run(run())
        hits = total = 0
        for number, port in enumerate(ports):
            if dies_after is None or number != DIES:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/counts", timeout=10) as response:
                    counts = json.load(response)
                hits, total = hits + counts["hits"], total + counts["answered"]
    finally:
        for server in servers:
            server.kill()
            server.join()
    best = floor(requests, dies_after)
    print(
        f"{'round robin' if robin else 'pool':12} {'one dies' if dies_after else 'all live':9} "
        f"wall {took:6.2f} s  floor {best:6.2f} s  ratio {took / best:5.2f}  "
        f"prefix hits {hits / max(total, 1):4.0%}  answered {list(answered.values())}"
    )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--requests", type=int, default=600)
    asked.add_argument("--prefixes", type=int, default=6)
    asked.add_argument("--dies-after", type=float, default=3.0)
    options = asked.parse_args()
    for dies_after in (None, options.dies_after):
        for robin in (False, True):
            once(options.requests, options.prefixes, dies_after, robin=robin)


if __name__ == "__main__":
    main()
