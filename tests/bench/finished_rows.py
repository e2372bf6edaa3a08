"""How long it takes to find that all rows of a large collect are done.

    python tests/bench/finished_rows.py [--rows 100000]

`unfinished`: the table holds every row, but the run was killed before it could say so: each problem is read from the
source and looked up. `finished`: the same command once more. The teacher's server does not exist, so that a single
request would fail the run. The floor is the time to read the problems' file and the table's keys alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from rlkd_data.config import CollectSettings
from rlkd_data.run.stage import fingerprint, run_stage
from rlkd_data.run.stages import COLLECT
from rlkd_data.schema import TRACES, Sampling, Trace, Usage, make_problem_id, make_trace_id
from rlkd_data.tables import TableWriter, read_table


def trace(number: int, text: str) -> Trace:
    problem_id, thought = make_problem_id(text), f"I add {number} to itself. " * 20
    return Trace(
        trace_id=make_trace_id(problem_id, "openai:m", 0, thought, "done"),
        problem_id=problem_id,
        problem=text,
        domain="math",
        answer=str(2 * number),
        reasoning=thought,
        response="done",
        final_answer=str(2 * number),
        is_correct=True,
        verification="bench",
        teacher="openai:m",
        source="bench",
        license=None,
        sampling=Sampling(0.6, 0.95, 100, 0, 0),
        finish_reason="stop",
        usage=Usage(10, 0, 10, 0),
        cost_usd=None,
        created_at=datetime.now(UTC),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    count = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "problems.jsonl", Path(folder) / "out"
        texts = [f"What is {number} plus {number}? Think about every digit." for number in range(count)]
        lines = (json.dumps({"problem": text, "answer": str(2 * n)}) + "\n" for n, text in enumerate(texts))
        source.write_text("".join(lines))
        with TableWriter(out, TRACES) as writer:
            for number, text in enumerate(texts):
                writer.add(trace(number, text))
        settings = CollectSettings(
            source=str(source),
            teacher="openai:m",
            base_url="http://127.0.0.1:9/v1",
            max_retries=0,
            store=Path(folder) / "s.sqlite",
        )
        record = {"stage": COLLECT.name, "status": "running", "fingerprint": fingerprint(COLLECT, settings)}
        (out / "stage.json").write_text(json.dumps(record))

        begin = time.perf_counter()
        for line in source.open():
            json.loads(line)
        for batch in read_table(out, TRACES, ["problem_id", "sampling"]):
            del batch
        print(f"rows {count}  floor: read problems and keys  {time.perf_counter() - begin:6.2f} s")
        for what in ("unfinished", "finished"):
            begin = time.perf_counter()
            result, ran = run_stage(COLLECT, settings, out)
            assert result.counts["ok"] == count and ran == (what == "unfinished")
            print(f"rows {count}  {what:28} {time.perf_counter() - begin:6.2f} s")


if __name__ == "__main__":
    main()
