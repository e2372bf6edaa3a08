"""How many tokens a second the `local:` backend generates: a rolling batch of packed weights (what a CPU gets) beside
static batches through transformers' `generate` (what it got before, and what a GPU gets).

    python tests/bench/local_throughput.py [--model gsrm-smollm2] [--batches 1 8 32] [--replies 24] [--rounds 1]

The GSRM decomposes GSM8K's solutions, greedily: replies of 60 to 300 tokens, which end where the model ends them. Both
ways answer the same requests one after the other in one run; compare within it, and by CPU seconds where other work
goes on beside it. The floor is the time of the model's matrix products alone, packed, for every prompt and every token
at a full batch. `same` counts the replies that are the same text both ways.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from rlkd_data.chat.backends import packed
from rlkd_data.chat.backends.local import LocalBackend
from rlkd_data.chat.types import Reply, Request
from rlkd_data.prompts import gsrm_messages
from rlkd_data.schema import Sampling

SHIPPED = Path(__file__).resolve().parents[2] / "pipelines" / "data" / "gsm8k_quickstart.jsonl"
AT_MOST = 320


def requests(count: int) -> list[Request]:
    rows = [json.loads(line) for line in SHIPPED.read_text(encoding="utf-8").splitlines()]
    greedy = Sampling(temperature=0.0, max_tokens=AT_MOST)
    return [Request(gsrm_messages(row["problem"], row["solution"]), greedy) for row in islice(cycle(rows), count)]


def opened(model: str, *, rolling: bool) -> LocalBackend:
    """A loaded backend of one kind."""
    backend = LocalBackend(model)
    if not rolling:
        backend._rolls = lambda: False  # type: ignore[method-assign]
        pack, packed.pack = packed.pack, lambda whole: whole
        backend._load()
        packed.pack = pack
    answer(backend, requests(1))
    return backend


def answer(backend: LocalBackend, asked: list[Request]) -> tuple[list[Reply], float, float]:
    """(replies, seconds, CPU seconds)."""

    async def all_at_once() -> list[Reply]:
        return await asyncio.gather(*(backend.ask(backend.wire(request)) for request in asked))

    wall, cpu = time.perf_counter(), time.process_time()
    return asyncio.run(all_at_once()), time.perf_counter() - wall, time.process_time() - cpu


def floor(backend: LocalBackend, batch: int, replies: list[Reply]) -> float:
    """CPU seconds of the products that the replies need: each prompt's alone, each token's in a full batch."""
    import torch

    model: Any = backend._load()[0]
    layers = [layer for layer in model.modules() if isinstance(layer, packed.PackedLinear)]
    widths = {id(layer): layer._weight.shape[1] for layer in layers}

    def seconds(rows: int, times: int) -> float:
        states = {width: torch.randn(rows, width) for width in set(widths.values())}
        with torch.inference_mode():
            for again in (1, times):
                start = time.process_time()
                for _ in range(again):
                    for layer in layers:
                        layer(states[widths[id(layer)]])
        return (time.process_time() - start) / times

    prompt = sum(reply.usage.prompt_tokens for reply in replies)
    completion = sum(reply.usage.completion_tokens for reply in replies)
    mean = round(prompt / len(replies))
    return len(replies) * seconds(mean, 3) + completion / batch * seconds(batch, 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="gsrm-smollm2")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--replies", type=int, default=24, help="of each batch; at batch 1 an eighth of them")
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    backends = {kind: opened(asked.model, rolling=kind == "rolling") for kind in ("static", "rolling")}
    for _ in range(asked.rounds):
        for batch in asked.batches:
            count = max(2, asked.replies // 8) if batch == 1 else max(asked.replies, batch)
            texts: dict[str, list[str]] = {}
            for kind, backend in backends.items():
                backend._batch = batch
                replies, wall, cpu = answer(backend, requests(count))
                tokens = sum(reply.usage.completion_tokens for reply in replies)
                texts[kind] = [reply.text for reply in replies]
                told: dict[str, Any] = {"batch": batch, "way": kind, "replies": count, "tokens": tokens}
                told |= {"tokens_per_second": round(tokens / wall, 1), "per_cpu_second": round(tokens / cpu, 1)}
                if kind == "rolling":
                    told["floor_per_cpu_second"] = round(tokens / floor(backend, batch, replies), 1)
                    told["same"] = sum(a == b for a, b in zip(texts["static"], texts["rolling"], strict=True))
                print(json.dumps(told | {"load": round(os.getloadavg()[0], 1)}), flush=True)
    for backend in backends.values():
        asyncio.run(backend.close())


if __name__ == "__main__":
    main()
