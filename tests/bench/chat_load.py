"""Many requests through the client with its durable store, beside a plain AsyncOpenAI loop with a semaphore.

    python tests/bench/chat_load.py [--rows 2000] [--bytes 8192] [--latency 0.2] [--concurrency 128] [--repeats 2]
                                    [--grow 20000]

The floor is rows × latency ÷ concurrency: what the server alone takes. The server is a process of its own, and so is
each client, in turns, so that other work on the machine slows all alike. `window`: seconds from opening the client to
the last reply, without imports; `running`: the time of the last nine tenths of the rows, beside their share of the
floor. `cpu`: the client's own CPU time a request within the window. `peak`: its largest resident memory. `--grow` runs
ours and the plain loop once more with as many rows, for their memory (latency 0.02 s, so the floor says little there).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

FINISHED: list[float] = []
KINDS = ("ours", "AsyncOpenAI", "AsyncOpenAI+aiohttp")
WORDS = ("let", "us", "find", "the", "value", "of", "each", "term", "and", "check", "that", "both", "sides", "agree")


def prompts(count: int, size: int) -> Iterator[str]:
    """Three quarters shared by all, as few-shot examples are; the rest distinct."""
    shared = " ".join(random.Random(0).choices(WORDS, k=size))[: size * 3 // 4]
    for number in range(count):
        chance = random.Random(number + 1)
        yield f"{shared}\nProblem {number}: {' '.join(chance.choices(WORDS, k=size // 4))}"[:size]


async def ours(asked: argparse.Namespace) -> int:
    from rlkd_data.chat.open import open_client
    from rlkd_data.chat.types import Message, Reply, Request
    from rlkd_data.config import ChatSettings

    settings = ChatSettings(
        base_url=asked.url,
        concurrency=asked.concurrency,
        store=Path(asked.store) / "s.sqlite",
        input_price=1.0,
        output_price=2.0,
    )
    requests = ((n, Request((Message("user", text),))) for n, text in enumerate(prompts(asked.rows, asked.bytes)))
    done = 0
    async with open_client("openai:m", settings, Path(asked.store)) as client:
        with (Path(asked.store) / "out.jsonl").open("w") as out:
            async for key, reply in client.ask_all(requests):
                assert isinstance(reply, Reply)
                out.write(json.dumps({"id": key, "text": reply.text, "cost": client.cost(reply)}) + "\n")
                done += 1
                FINISHED.append(time.perf_counter())
    return done


async def plain(asked: argparse.Namespace, aiohttp: bool) -> int:
    from openai import AsyncOpenAI, DefaultAioHttpClient

    slots, done = asyncio.Semaphore(asked.concurrency), 0
    more = {"http_client": DefaultAioHttpClient()} if aiohttp else {}
    async with AsyncOpenAI(api_key="none", base_url=asked.url, **more) as client:
        with (Path(asked.store) / "out.jsonl").open("w") as out:

            async def one(number: int, text: str) -> None:
                nonlocal done
                async with slots:
                    reply = await client.chat.completions.create(
                        model="m", messages=[{"role": "user", "content": text}]
                    )
                out.write(json.dumps({"id": number, "text": reply.choices[0].message.content}) + "\n")
                out.flush()
                done += 1
                FINISHED.append(time.perf_counter())

            await asyncio.gather(*(one(n, text) for n, text in enumerate(prompts(asked.rows, asked.bytes))))
    return done


def client(asked: argparse.Namespace) -> None:
    """What the client processes run: one line of JSON."""
    import openai  # noqa: F401 - so that the window holds no import

    import rlkd_data.chat.backends.openai  # noqa: F401

    before, begin = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    if asked.client == "ours":
        done = asyncio.run(ours(asked))
    else:
        done = asyncio.run(plain(asked, asked.client.endswith("aiohttp")))
    window, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    running = (FINISHED[-1] - FINISHED[asked.rows // 10]) / 0.9
    found = {
        "done": done,
        "window": window,
        "running": running,
        "cpu_ms": 1000 * cpu / asked.rows,
        "peak_mb": after.ru_maxrss / 1024,
    }
    print(json.dumps(found))


def measure(kind: str, url: str, asked: argparse.Namespace, rows: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as store:
        command = [sys.executable, __file__, "--client", kind, "--url", url, "--store", store, "--rows", str(rows)]
        command += ["--bytes", str(asked.bytes), "--concurrency", str(asked.concurrency)]
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(ended.stdout)
    assert found["done"] == rows
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--bytes", type=int, default=8192)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--concurrency", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--grow", type=int, default=20_000, help="0: leave out")
    parser.add_argument("--client", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--store", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.client:
        client(asked)
        return
    from tests.support.servers import running_lean_server

    def show(kind: str, rows: int, latency: float, found: dict[str, float]) -> None:
        floor = rows * latency / asked.concurrency
        print(
            f"{kind:20} rows {rows:6}  window {found['window']:6.2f} s = {found['window'] / floor:5.2f} x floor "
            f"{floor:.3f} s  running {found['running'] / floor:5.2f} x  cpu {found['cpu_ms']:5.2f} ms/request  "
            f"peak {found['peak_mb']:6.1f} MB  load {os.getloadavg()[0]:.1f}",
            flush=True,
        )

    with running_lean_server(latency=asked.latency) as server:
        for _ in range(asked.repeats):
            for kind in KINDS:
                show(kind, asked.rows, asked.latency, measure(kind, server.base_url, asked, asked.rows))
    if asked.grow:
        with running_lean_server(latency=0.02) as server:
            for kind in KINDS[:2]:
                show(kind, asked.grow, 0.02, measure(kind, server.base_url, asked, asked.grow))


if __name__ == "__main__":
    main()
