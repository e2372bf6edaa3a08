"""Parsing and checking stored replies again, with no call: `python tests/bench/reparse.py [ROWS]`.

The real path: a traces table, a response store that holds a reply to every request, and `decompose` into a new folder.
Rows are GSM8K solutions as traces, and their gold decompositions as replies; they differ in their numbers only where the
set is gone through again. The floor is what cannot be spared: reading each reply and each trace once, as a copy of memory
and JSON decoding of the replies on one core.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from rlkd_data.chat.open import open_client
from rlkd_data.chat.store import decode, encode, request_key
from rlkd_data.chat.types import Reply, Request
from rlkd_data.config import DecomposeSettings
from rlkd_data.decompose.run import decompose
from rlkd_data.prompts import decompose_messages
from rlkd_data.schema import TRACES, Sampling, Step, Trace, Usage, make_problem_id, make_trace_id
from rlkd_data.structure.render import render
from rlkd_data.tables import TableWriter

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHIPPED = Path(__file__).resolve().parents[2] / "pipelines" / "data" / "gsm8k_quickstart.jsonl"
URL = "http://127.0.0.1:9/v1"
"""Nobody listens there: a request that is not in the store fails the benchmark."""


def rows(count: int) -> list[tuple[Trace, str]]:
    """Traces and replies: each line of a solution is a step."""
    solutions = [json.loads(line) for line in SHIPPED.read_text("utf-8").splitlines()]
    made = []
    for number in range(count):
        source = solutions[number % len(solutions)]
        final = source["answer"]
        lines = [line.strip() for line in re.sub(r"<<[^>]*>>", "", source["solution"]).split("\n") if line.strip()]
        problem = f"({number}) {source['problem']}"
        reasoning = "\n".join(lines)
        problem_id = make_problem_id(problem)
        trace = Trace(
            make_trace_id(problem_id, "gsm8k", 0, reasoning, ""), problem_id, problem, "math", final, reasoning,
            "", final, True, "exact", "gsm8k", "gsm8k", "mit", Sampling(), None, None, None, NOW,
        )  # fmt: skip
        steps = [
            Step(i, "What is known so far has to be put together with what the text gives.", f"What is part {i}?", line)
            for i, line in enumerate(lines, 1)
        ]
        made.append((trace, render(steps, trace.final_answer)))
    return made


async def fill(settings: DecomposeSettings, made: list[tuple[Trace, str]]) -> None:
    sampling = Sampling(**settings.sampling.model_dump())
    async with open_client("openai:m", settings) as client:
        for start in range(0, len(made), 2000):
            puts = []
            for trace, text in made[start : start + 2000]:
                messages = decompose_messages(trace.problem, trace.reasoning, "math")
                key = request_key(client.backend.wire(Request(messages, sampling)), 0)
                reply = Reply(text, None, "stop", Usage(1500, 0, len(text) // 4), "m", NOW)
                puts.append(client.store.put(key, "openai:m", reply))
            await asyncio.gather(*puts)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        made = rows(count)
        with TableWriter(place / "traces", TRACES) as writer:
            for trace, _ in made:
                writer.add(trace)
        settings = DecomposeSettings(
            traces=(place / "traces",), annotator="openai:m", base_url=URL, store=place / "s.sqlite", max_retries=0
        )
        asyncio.run(fill(settings, made))
        characters = sum(len(text) + len(trace.reasoning) for trace, text in made)
        stored = [encode(Reply(text, None, "stop", Usage(), "m", NOW)) for _, text in made]
        began = time.perf_counter()
        for one in stored:
            decode(one)
        floor = time.perf_counter() - began
        del made, stored
        began, used = time.perf_counter(), os.times()
        result = decompose(settings, place / "out")
        seconds, now = time.perf_counter() - began, os.times()
    cpu = sum(now[:4]) - sum(used[:4])
    print(f"{count:,} stored replies, {characters / 1e6:.1f} MB of replies and traces: {dict(result.counts)}")
    print(f"wall {seconds:.1f} s: {count / seconds:,.0f} rows/s, {characters / 1e6 / seconds:.2f} MB/s")
    print(
        f"processor time {cpu:.1f} s over {os.cpu_count()} cores: {cpu / (os.cpu_count() or 1):.1f} s if all were free"
    )
    print(f"floor (decoding the stored replies, one core): {floor:.1f} s")


if __name__ == "__main__":
    main()
