"""Whole stages in batch mode, through the command line: collect with OpenAI's batches, decompose with Anthropic's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from rlkd_data.schema import DECOMPOSITIONS, TRACES
from rlkd_data.tables import outcome_counts, read_rows
from tests.support.cli import cli
from tests.support.servers import running_batch_server

PROBLEMS = [{"problem": f"What is {n} plus {n}?", "answer": str(2 * n)} for n in range(1, 7)]
STEPS = (
    "[Meta-reasoning 1]: Look at what is asked first.\n[Sub-problem 1]: Which parts are there?\n"
    "[Answer 1]: Two numbers that are to be added.\n"
    "[Meta-reasoning 2]: Add the parts to reach the result.\n[Sub-problem 2]: What is their sum?\n"
    "[Answer 2]: The sum of the two.\n"
    "[Final Answer]: 4"
)


def rlkd_data(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return cli(*arguments, RLKD_STORE=str(folder / "store.sqlite"))


def test_collect_and_decompose_in_batches(tmp_path: Path) -> None:
    source, traces, steps = tmp_path / "problems.jsonl", tmp_path / "traces", tmp_path / "steps"
    source.write_text("".join(json.dumps(row) + "\n" for row in PROBLEMS), "utf-8")
    collect = ["collect", str(source), "--out", str(traces), "--teacher", "openai:m", "--samples", "2"]
    with running_batch_server("openai", fate=["3 plus=expired:first", "5 plus=400"]) as server:
        batch = ["--base-url", server.base_url, "--mode", "batch", "--batch-poll", "0.02"]
        done = rlkd_data(tmp_path, *collect, *batch)
        assert done.returncode == 0, done.stderr
        stats = server.stats()
        assert [b["count"] for b in stats["batches"]] == [12, 2]
        again = rlkd_data(tmp_path, *collect, *batch)
        assert again.returncode == 0 and len(server.stats()["calls"]) == len(stats["calls"])
    counts = outcome_counts(traces, TRACES)
    assert counts["ok"] == 10 and counts["rejected:bad_request"] == 2, counts

    script = tmp_path / "script.json"
    script.write_text(json.dumps([{"contains": "", "text": STEPS}]), "utf-8")
    decompose = [
        "decompose",
        str(traces),
        "--out",
        str(steps),
        "--annotator",
        "anthropic:c",
        "--repairs",
        "0",
        "--reject",
        "no_steps",
    ]
    with running_batch_server("anthropic", reply_file=script, fate=["6 plus=canceled:first"]) as server:
        done = rlkd_data(tmp_path, *decompose, "--base-url", server.base_url, "--mode", "batch", "--batch-poll", "0.02")
        assert done.returncode == 0, done.stderr
        stats = server.stats()
        assert stats["batches"][0]["count"] == 10 and len(stats["batches"]) == 2
        assert set(stats["paid"].values()) == {1}
    rows = list(read_rows(steps, DECOMPOSITIONS))
    assert len(rows) == outcome_counts(steps, DECOMPOSITIONS)["ok"] == 10
    assert all(len(row.steps) == 2 and row.usage is not None for row in rows)


def test_a_model_without_batches_is_refused_in_one_line(tmp_path: Path) -> None:
    source = tmp_path / "problems.jsonl"
    source.write_text(json.dumps(PROBLEMS[0]) + "\n", "utf-8")
    out = str(tmp_path / "out")
    done = rlkd_data(
        tmp_path, "collect", str(source), "--out", out, "--teacher", "local:smollm2-135m", "--mode", "batch"
    )
    assert done.returncode == 2 and "no batches" in done.stderr and "Traceback" not in done.stderr
