"""What large tables cost: peak memory and processor time of each command, and how they grow with the rows.

    python tests/bench/table_scale.py [--rows 25000 100000] [--stages import resume …] [--keep FOLDER]

Rows of 2 KB, every fifth of them verified by math-verify, go through `collect` (import, then again with all rows there,
as after a kill), `decompose` (replies from the store, without a call), `inspect`, `report` and `publish --dry-run`,
each a process of its own. With several sizes the last two give the slope, and what it comes to at 1,000,000 rows.
`--keep` leaves tables in a folder, and takes those that a former call left there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

STAGES = ("import", "resume", "decompose", "inspect", "report", "publish")
MILLION = 1_000_000
TOGETHER = 2000
URL = "http://127.0.0.1:9/v1"
"""Nobody listens there: a request that is not in the store fails the benchmark."""
KEEP_LOG = "from rlkd_data.collect.passed import Log; Log.forget = lambda log: None; "
"""As after a kill at the very end of the import."""
PREPARE = (
    "import sys, pathlib; sys.path.insert(0, {root!r}); from tests.bench.table_scale import fill; "
    "fill(pathlib.Path({folder!r}))"
)


@dataclass(frozen=True)
class Cost:
    megabytes: float
    cpu: float
    wall: float


def source_rows(count: int) -> Iterator[str]:
    thought = "We add the parts one after another, since a sum is asked for, and keep count of them as we go along. "
    for number in range(count):
        gold = f"\\frac{{{number}}}{{7}}" if number % 5 == 0 else str(number + 4)
        said = f"\\frac{{{2 * number}}}{{14}}" if number % 5 == 0 else gold
        steps = [f"Part {i} of row {number} is {number + i}. {thought}" for i in range(14)]
        row = {
            "problem": f"Row {number}: what do the parts {number} and 4 come to, if nothing else is added to them?",
            "reasoning": " ".join(steps),
            "response": f"The answer is \\boxed{{{said}}}.",
            "answer": gold,
            "license": "cc0-1.0",
        }
        yield json.dumps(row) + "\n"


def fill(folder: Path) -> None:
    """Store a reply to each request that decomposing the traces in the folder makes."""
    from rlkd_data.chat.open import open_client
    from rlkd_data.chat.store import request_key
    from rlkd_data.chat.types import Reply, Request
    from rlkd_data.config import DecomposeSettings
    from rlkd_data.prompts import decompose_messages
    from rlkd_data.schema import TRACES, Sampling, Step, Usage
    from rlkd_data.structure.render import render
    from rlkd_data.tables import read_rows

    settings = DecomposeSettings(
        traces=(folder / "traces",), annotator="openai:m", base_url=URL, store=folder / "s.sqlite", max_retries=0
    )
    sampling = Sampling(**settings.sampling.model_dump())

    async def put_all() -> None:
        async with open_client("openai:m", settings) as client:
            waiting = []
            for trace in read_rows(folder / "traces", TRACES):
                parts = [one.partition(".")[0] + "." for one in trace.reasoning.split("Part ")[1:]]
                steps = [
                    Step(n, "We add the parts one after another.", f"What is number {n} of them?", f"Part {part}")
                    for n, part in enumerate(parts[:14], 1)
                ]
                text = render(steps, trace.final_answer)
                request = Request(decompose_messages(trace.problem, trace.reasoning, "math"), sampling)
                reply = Reply(text, None, "stop", Usage(1500, 0, len(text) // 4), "m", trace.created_at)
                waiting.append(client.store.put(request_key(client.backend.wire(request), 0), "openai:m", reply))
                if len(waiting) >= TOGETHER:
                    await asyncio.gather(*waiting)
                    waiting.clear()
            await asyncio.gather(*waiting)

    asyncio.run(put_all())


def commands(folder: Path) -> dict[str, list[str]]:
    traces, steps = str(folder / "traces"), str(folder / "steps")
    collect = ["collect", str(folder / "rows.jsonl"), "--out", traces]
    ask = ["--annotator", "openai:m", "--base-url", URL, "--store", str(folder / "s.sqlite")]
    return {
        "import": collect,
        "resume": collect,
        "decompose": ["decompose", traces, "--out", steps, *ask],
        "inspect": ["inspect", traces],
        "report": ["report", traces, *([steps] if Path(steps).is_dir() else []), "--out", str(folder / "r.html")],
        "publish": ["publish", traces, "--repo-id", "a/b", "--dry-run", "--out", str(folder / "published")],
    }


def run(arguments: list[str], before: str = "") -> Cost:
    """A command's cost, its own and that of the processes it started. Leaves where it fails."""
    code = before + "from rlkd_data.cli import main; main()"
    environment = os.environ | {"OPENAI_API_KEY": "none", "PYTHONPATH": str(ROOT)}
    began = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=said
        )
        _, status, used = os.wait4(process.pid, 0)
        if status:
            said.seek(0)
            sys.exit(f"{' '.join(arguments)} failed: {said.read()[-2000:].decode(errors='replace')}")
    return Cost(used.ru_maxrss / 1024, used.ru_utime + used.ru_stime, time.perf_counter() - began)


def interrupted(traces: Path) -> None:
    """Have the stage's record say what a kill before its end leaves."""
    path = traces / "stage.json"
    record = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(record | {"status": "running"}), "utf-8")


def measure(folder: Path, rows: int, stages: list[str]) -> dict[str, Cost]:
    if not (folder / "rows.jsonl").exists():
        with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(source_rows(rows))
    found = {}
    for stage in stages:
        match stage:
            case "import":
                shutil.rmtree(folder / "traces", ignore_errors=True)
            case "resume":
                interrupted(folder / "traces")
            case "decompose":
                shutil.rmtree(folder / "steps", ignore_errors=True)
                if not (folder / "s.sqlite").exists():
                    subprocess.run([sys.executable, "-c", PREPARE.format(root=str(ROOT), folder=str(folder))],
                                   check=True, env=os.environ | {"OPENAI_API_KEY": "none"})  # fmt: skip
            case "publish":
                shutil.rmtree(folder / "published", ignore_errors=True)
        found[stage] = cost = run(commands(folder)[stage], KEEP_LOG if stage == "import" else "")
        print(f"{rows:>9,}  {stage:10} {cost.megabytes:7.0f} MB  {cost.cpu:8.1f} s CPU  {cost.wall:8.1f} s", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[25_000, 100_000])
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--keep", type=Path, default=None)
    asked = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print("     rows  command       peak            processor        clock", flush=True)
    costs: list[tuple[int, dict[str, Cost]]] = []
    for rows in sorted(asked.rows):
        with tempfile.TemporaryDirectory(prefix="rlkd-scale-") as scratch:
            folder = Path(scratch) if asked.keep is None else asked.keep / str(rows)
            folder.mkdir(parents=True, exist_ok=True)
            costs.append((rows, measure(folder, rows, asked.stages)))
    for (few, small), (many, large) in zip(costs[-2:-1], costs[-1:], strict=False):
        print(f"by the slope from {few:,} to {many:,}, at {MILLION:,} rows:")
        for stage in asked.stages:
            at = [
                last + (last - first) / (many - few) * (MILLION - many)
                for first, last in (
                    (small[stage].megabytes, large[stage].megabytes),
                    (small[stage].cpu, large[stage].cpu),
                )
            ]
            print(f"           {stage:10} {at[0]:7.0f} MB  {at[1]:8.1f} s CPU")


if __name__ == "__main__":
    main()
