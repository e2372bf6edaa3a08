"""The whole command `rlkd-data collect`, beside plain loops that ask the same and keep nothing safe.

    python tests/bench/collect_load.py [--rows 2000] [--bytes 8192] [--latency 0.2] [--concurrency 128] [--repeats 3]

Each is a process of its own with its own server, in turns, so that other work on the machine slows all alike; figures
are medians. `cpu`: user and system time of the whole process, imports and all, a request. `window`: seconds from the
first request that the server saw to the last row on the disk (a loop: the last line handed to the system). For
collect each reply is durable before it is used. The floor of the window is rows × latency ÷ concurrency: what the
server alone takes; that of the CPU is Python's own start with nothing to do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

OURS = "rlkd-data collect"
LOOPS = ("AsyncOpenAI", "AsyncOpenAI+aiohttp", "aiohttp")


async def loop(kind: str, url: str, asked: Path, out: Path, concurrency: int) -> None:
    """A semaphore, a line a reply; no retries, no store."""
    import aiohttp

    slots = asyncio.Semaphore(concurrency)
    with asked.open() as lines, out.open("w") as written:

        def keep(number: int, text: str) -> None:
            written.write(json.dumps({"id": number, "text": text}) + "\n")
            written.flush()

        def body(text: str) -> list[dict[str, str]]:
            return [{"role": "user", "content": text}]

        texts = [json.loads(line)["problem"] for line in lines]
        if kind == "aiohttp":
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:

                async def bare(number: int, text: str) -> None:
                    async with (
                        slots,
                        session.post(
                            f"{url}/chat/completions", json={"model": "m", "messages": body(text)}
                        ) as response,
                    ):
                        found = await response.json()
                    keep(number, found["choices"][0]["message"]["content"])

                await asyncio.gather(*(bare(n, text) for n, text in enumerate(texts)))
            return
        from openai import AsyncOpenAI, DefaultAioHttpClient

        more = {"http_client": DefaultAioHttpClient()} if kind.endswith("aiohttp") else {}
        async with AsyncOpenAI(api_key="none", base_url=url, **more) as client:

            async def one(number: int, text: str) -> None:
                async with slots:
                    reply = await client.chat.completions.create(model="m", messages=body(text))  # type: ignore[arg-type]
                keep(number, reply.choices[0].message.content or "")

            await asyncio.gather(*(one(n, text) for n, text in enumerate(texts)))


def command(kind: str, url: str, folder: Path, concurrency: int) -> list[str]:
    asked = str(folder / "asked.jsonl")
    if kind != OURS:
        flags = ["--loop", kind, "--url", url, "--folder", str(folder), "--concurrency", str(concurrency)]
        return [sys.executable, __file__, *flags]
    run = "from rlkd_data.cli import main; main()"
    flags = ["--teacher", "openai:m", "--base-url", url, "--concurrency", str(concurrency), "--license", "CC0-1.0"]
    return [sys.executable, "-c", run, "collect", asked, "--out", str(folder / "out"), *flags]


def measure(kind: str, options: argparse.Namespace) -> dict[str, float]:
    from tests.bench.chat_load import prompts
    from tests.support.servers import running_lean_server

    with tempfile.TemporaryDirectory() as made, running_lean_server(latency=options.latency) as server:
        folder = Path(made)
        with (folder / "asked.jsonl").open("w") as file:
            for text in prompts(options.rows, options.bytes):
                file.write(json.dumps({"problem": text}) + "\n")
        own = {"RLKD_STORE": str(folder / "store.sqlite"), "PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "none"}
        begin = time.perf_counter()
        with (folder / "said").open("w") as said:
            process = subprocess.Popen(
                command(kind, server.base_url, folder, options.concurrency),
                env=os.environ | own,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
            _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        stats = server.stats()
        assert not process.returncode, (folder / "said").read_text()
        assert stats["answered"] == options.rows
        written = [folder / "out.jsonl"] if kind != OURS else sorted((folder / "out").rglob("part-*.parquet"))
        if kind == OURS:
            import pyarrow.parquet as pq

            assert sum(pq.ParquetFile(path).metadata.num_rows for path in written) == options.rows
        return {
            "cpu_ms": 1000 * (used.ru_utime + used.ru_stime) / options.rows,
            "window": max(path.stat().st_mtime for path in written) - stats["first"],
            "wall": wall,
            "peak_mb": used.ru_maxrss / 1024,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--bytes", type=int, default=8192)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--concurrency", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--loop", choices=LOOPS, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.loop:
        folder = options.folder
        asyncio.run(loop(options.loop, options.url, folder / "asked.jsonl", folder / "out.jsonl", options.concurrency))
        return
    kinds = (OURS, *LOOPS)
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
    for _ in range(options.repeats):
        for kind in kinds:
            found[kind].append(measure(kind, options))
    floor = options.rows * options.latency / options.concurrency
    print(f"{options.rows} requests of {options.bytes} bytes, floor of the window {floor:.3f} s")
    for kind in kinds:
        middle = {name: statistics.median(one[name] for one in found[kind]) for name in found[kind][0]}
        print(
            f"{kind:20} cpu {middle['cpu_ms']:5.2f} ms/request  window {middle['window']:5.2f} s = "
            f"{middle['window'] / floor:4.2f} x floor  whole {middle['wall']:5.2f} s  peak {middle['peak_mb']:5.0f} MB",
            flush=True,
        )
    for kind in LOOPS:
        ratios = {
            name: statistics.median(
                ours[name] / theirs[name] for ours, theirs in zip(found[OURS], found[kind], strict=True)
            )
            for name in ("cpu_ms", "window", "peak_mb")
        }
        print(
            f"{OURS} ÷ {kind:20} cpu {ratios['cpu_ms']:4.2f}  window {ratios['window']:4.2f}  "
            f"peak {ratios['peak_mb']:4.2f}"
        )


if __name__ == "__main__":
    main()
