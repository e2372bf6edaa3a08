"""A collect that is killed while it leaves duplicates and contaminated problems out comes to the same table."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

from rlkd_data.run.resources import resource
from rlkd_data.schema import TRACES
from rlkd_data.tables import is_table, read_table
from tests.support.cli import start
from tests.support.forked import Forked

_ROWS = 4000


def _write_source(folder: Path) -> tuple[Path, Path]:
    lines = resource("pipelines", "data", "gsm8k_socratic_test.jsonl").read_text("utf-8").splitlines()
    problems = [json.loads(line)["problem"] for line in lines]
    source, benchmark = folder / "source.jsonl", folder / "benchmark.jsonl"
    with source.open("w") as stream:
        for number in range(_ROWS):
            times, at = divmod(number, len(problems))
            # each time round half of the problems come back as they were, the others with another number in them
            problem = problems[at] if at % 2 else f"{problems[at]} (Version {times}.)"
            row = {"problem": problem, "answer": "1", "reasoning": f"{number}", "response": "The answer is 1."}
            stream.write(json.dumps(row) + "\n")
    benchmark.write_text("".join(json.dumps({"problem": problem}) + "\n" for problem in problems[::10]))
    return source, benchmark


def _start(source: Path, benchmark: Path, out: Path) -> Forked:
    flags = ["--domain", "math", "--dedupe", "near", "--decontaminate", benchmark, "--out", out]
    return start("rlkd-data", "collect", source, *flags)


def _outcomes(out: Path) -> list[tuple[str, str]]:
    found = []
    for rejected in (False, True):
        for batch in read_table(out, TRACES, ["trace_id", *(["reason"] if rejected else [])], rejected=rejected):
            found += [(row["trace_id"], row.get("reason", "ok")) for row in batch.to_pylist()]
    return sorted(found)


def test_the_table_is_that_of_a_run_that_was_not_killed(tmp_path: Path) -> None:
    source, benchmark = _write_source(tmp_path)
    whole = _start(source, benchmark, tmp_path / "whole")
    _, said = whole.communicate()
    assert whole.returncode == 0, said

    out = tmp_path / "killed"
    for place in (out / "rejected", out):  # once when the first shard of each is there
        process = _start(source, benchmark, out)
        while process.poll() is None and not is_table(place):
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    last = _start(source, benchmark, out)
    _, said = last.communicate()
    assert last.returncode == 0, said

    outcomes = _outcomes(tmp_path / "whole")
    assert len(outcomes) == _ROWS
    assert {reason for _, reason in outcomes} == {"ok", "contaminated", "duplicate_problem"}
    assert _outcomes(out) == outcomes
