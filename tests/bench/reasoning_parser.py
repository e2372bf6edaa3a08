"""A real vLLM server with a reasoning parser, and one without: whether collect makes the same table of both.

    python tests/bench/reasoning_parser.py [--problems 6]

The small model does not think by itself: a grammar makes it write a thought, with its opening tag and without one (as
behind a chat template that writes it). The parser is olmo3's, which knows the tags by their text. Prints, for each way,
how many rows are the same in both tables, ids included.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

TAIL = r"[a-zA-Z0-9 ,.=+]{30,90}\n</think>\n\nThe answer is \\boxed\{[0-9]{1,3}\}\."
WAYS = {"opening tag written": rf"<think>\n{TAIL}", "opening tag in the template": TAIL}
COLUMNS = ["trace_id", "problem", "reasoning", "response", "final_answer", "is_correct", "finish_reason"]


def table(url: str, problems: Path, out: Path, regex: str) -> dict[str, Any]:
    from rlkd_data.collect.run import collect
    from rlkd_data.config import CollectSettings, SamplingSettings
    from rlkd_data.schema import TRACES
    from rlkd_data.tables import read_table

    settings = CollectSettings(
        source=str(problems),
        teacher="openai:student",
        base_url=f"{url}/v1",
        store=out.with_suffix(".sqlite"),
        sampling=SamplingSettings(temperature=0.0, max_tokens=120),
        extra_body={"structured_outputs": {"regex": regex}},
        concurrency=1,  # the sums of a batch depend on who is in it
    )
    collect(settings, out)
    rows = [row for batch in read_table(out, TRACES, COLUMNS) for row in batch.to_pylist()]
    return {row["problem"]: row for row in rows}


def main() -> None:
    from rlkd_data.chat.backends.models import resolve
    from tests.support.vllm_server import python, running_vllm

    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--problems", type=int, default=6)
    count, interpreter = asked.parse_args().problems, python()
    if interpreter is None:
        print("vLLM is not set up here: scripts/setup_vllm.sh makes its environment")
        return
    found: dict[bool, dict[str, dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        problems = folder / "problems.jsonl"
        rows = ({"problem": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(2, 2 + count))
        problems.write_text("".join(json.dumps(row) + "\n" for row in rows))
        for parses in (False, True):
            flags = ["--structured-outputs-config", '{"enable_in_reasoning": true}']
            flags += ["--reasoning-parser", "olmo3"] if parses else []
            log, model = folder / f"log-{parses}.txt", resolve("smollm2-135m").path
            with running_vllm(interpreter, model, "student", log, *flags, context=1024, at_once=4) as url:
                found[parses] = {
                    way: table(url, problems, folder / f"{parses}-{number}", regex)
                    for number, (way, regex) in enumerate(WAYS.items())
                }
    for way, without in found[False].items():
        same = sum(row == found[True][way].get(problem) for problem, row in without.items())
        print(f"{way:30} {same} of {len(without)} rows are the same, {len(found[True][way])} with the parser")


if __name__ == "__main__":
    main()
