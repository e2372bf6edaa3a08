"""How many tokens a second the `local:` backend generates, by batch size and number format.

    python tests/bench/local_throughput.py [--model smollm2-135m] [--batches 16 32] [--tokens 64] [--repeats 3]
                                           [--temperature 0.7] [--top-p 0.95]

Every prompt is answered with exactly `--tokens` tokens, so that a model that stops early does not look
slow. Loading and a first small batch are not timed. Every round goes through all settings before the next one starts,
so that other work on the machine slows all of them alike: compare within a round (the n-th number of each line).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time

from rlkd_data.chat.backends import local
from rlkd_data.chat.types import Message, Reply, Request
from rlkd_data.schema import Sampling

PROMPT = "Solve this step by step. A shop sells {n} apples a day at {m} cents each. How much does it earn in a week?"


def ask(backend: local.LocalBackend, count: int, repeat: int, sampling: Sampling) -> list[Reply]:
    async def all_at_once() -> list[Reply]:
        requests = [
            Request((Message("user", PROMPT.format(n=10 + number, m=20 + repeat)),), sampling)
            for number in range(count)
        ]
        return await asyncio.gather(*(backend.ask(backend.wire(request)) for request in requests))

    return asyncio.run(all_at_once())


def open_backend(model: str, half: bool, tokens: int) -> tuple[local.LocalBackend, str]:
    """A loaded backend whose replies have exactly `tokens` tokens, and what it is."""
    import torch

    if not torch.cuda.is_available():
        local.cpu_has_bfloat16 = lambda: half  # the backend's own choice is what is compared
    backend = local.LocalBackend(model)
    ask(backend, 8, 0, Sampling(max_tokens=4))
    loaded, _ = backend._load()
    loaded.generation_config.min_new_tokens = tokens
    return backend, f"{str(loaded.dtype).removeprefix('torch.')} on {loaded.device}, {torch.get_num_threads()} threads"


def rate(backend: local.LocalBackend, batch: int, repeat: int, sampling: Sampling) -> float:
    """Tokens a second of one batch."""
    backend._batch = batch
    start = time.perf_counter()
    replies = ask(backend, batch, repeat, sampling)
    return sum(reply.usage.completion_tokens for reply in replies) / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--batches", type=int, nargs="+", default=[16, 32])
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--temperature", type=float, default=0.7, help="0: greedy")
    parser.add_argument("--top-p", type=float)
    parser.add_argument("--formats", choices=["float32", "bfloat16"], nargs="+", default=["float32", "bfloat16"])
    asked = parser.parse_args()
    backends = [open_backend(asked.model, name == "bfloat16", asked.tokens) for name in asked.formats]
    sampling = Sampling(temperature=asked.temperature, top_p=asked.top_p, max_tokens=asked.tokens)
    rates: dict[tuple[str, int], list[float]] = {}
    loads = []
    for repeat in range(asked.repeats):
        for backend, what in backends:
            for batch in asked.batches:
                rates.setdefault((what, batch), []).append(rate(backend, batch, repeat, sampling))
                loads.append(os.getloadavg()[0])
    print(json.dumps({"model": asked.model, "tokens": asked.tokens, "load_average": [min(loads), max(loads)]}))
    for (what, batch), found in rates.items():
        print(json.dumps({"what": what, "batch": batch, "tokens_per_second": [round(one, 1) for one in found]}))
    for backend, _ in backends:
        asyncio.run(backend.close())


if __name__ == "__main__":
    main()
