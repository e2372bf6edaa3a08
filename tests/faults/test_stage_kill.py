"""kill -9 in the middle of each stage, then the same command: it completes, and asks no answered request again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import polars
import pytest
import yaml

from rlkd_data.run.identity import read_stage
from tests.support.cli import cli, start
from tests.support.servers import running_openai_server
from tests.support.tiny_model import save_tiny_model

pytestmark = [pytest.mark.slow]

CONCURRENCY = 3
PROBLEMS = 12
STEPS = 4


def pipeline(folder: Path, url: str) -> Path:
    """A pipeline whose teacher, annotator and GSRM are the server, and whose student is tiny."""
    student = save_tiny_model(folder / "student")
    served = {"base_url": url, "concurrency": CONCURRENCY}
    structure = {"gsrm": "openai:gsrm", "allow_other_annotator": True, "judge": {"kind": "equal"}, **served}
    stages = {
        "traces": {
            "verb": "collect",
            "source": "gsm8k-quickstart",
            "limit": PROBLEMS,
            "teacher": "openai:teacher",
            **served,
        },
        "steps": {"verb": "decompose", "traces": ["@traces"], "annotator": "openai:annotator", **served},
        "grpo": {
            "model": str(student),
            "traces": ["@traces"],
            "decompositions": ["@steps"],
            "steps": STEPS,
            "prompts_per_step": 2,
            "generations": 2,
            "max_completion": 8,
            "structure": structure,
            "lora": {"r": 0},
            "optim": {"micro_batch": 4, "save_steps": 1},
        },
        "eval": {
            "model": "openai:student",
            "data": ["@traces"],
            "decompositions": ["@steps"],
            "structure": structure,
            **served,
        },
        "report": {"tables": ["@traces", "@steps", "@grpo", "@eval"]},
    }
    path = folder / "pipeline.yaml"
    document = {"workdir": str(folder / "run"), "defaults": {"store": str(folder / "store.sqlite")}, "stages": stages}
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def kill_when(path: Path, due: Callable[[], bool]) -> None:
    process = start("rlkd-data", "run", path)
    while not due():
        assert process.poll() is None, process.printed("err")
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def test_a_kill_in_each_stage_loses_only_what_was_in_flight(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with running_openai_server(latency=0.05, reply_function="tests.support.decomposing:answer") as server:
        path = pipeline(tmp_path, server.base_url)

        def asked_in(stage: str, count: int) -> Callable[[], bool]:
            """That many requests were made since the stage began."""
            base: list[int] = []

            def due() -> bool:
                if (read_stage(run / stage) or {}).get("status") != "running":
                    return False
                total = server.stats()["total"]
                base[:] = base or [total]
                return total - base[0] >= count

            return due

        kill_when(path, asked_in("traces", 4))
        kill_when(path, asked_in("steps", 4))
        kill_when(path, lambda: len(list((run / "grpo" / "checkpoints").glob("checkpoint-*"))) >= 1)
        kill_when(path, asked_in("eval", 4))
        done = cli("run", path)
        assert done.returncode == 0, done.stderr
        stats = server.stats()
        kills = 4
        assert stats["repeated"] <= kills * CONCURRENCY
        whole = _counts(run)
        asked = stats["total"]
        assert cli("run", path).returncode == 0
        assert server.stats()["total"] == asked and _counts(run) == whole
    assert whole == {"traces": PROBLEMS, "steps": PROBLEMS, "eval": PROBLEMS}
    completions = polars.read_parquet(run / "grpo" / "completions" / "part-*.parquet")
    assert completions.group_by("step").len().sort("step")["len"].to_list() == [4] * STEPS
    assert completions["structure"].is_not_null().all()


def _counts(run: Path) -> dict[str, int]:
    return {
        name: polars.scan_parquet(run / name / "part-*.parquet").select(polars.len()).collect().item()
        for name in ("traces", "steps", "eval")
    }
