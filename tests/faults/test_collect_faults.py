"""`rlkd-data collect` through faults of every kind, and through kill -9: every row comes out, none twice."""

import json
import os
import random
import signal
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.support.cli import start
from tests.support.forked import Forked
from tests.support.servers import RunningServer, running_openai_server

FAULTS = ["429:5%", "500:3%", "drop:1%", "malformed:1%", "hang:1%"]
ROWS, CONCURRENCY, KILLS = 400, 16, 5


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    path = tmp_path / "problems.jsonl"
    path.write_text(
        "".join(json.dumps({"problem": f"What is {n} plus {n}?", "answer": str(2 * n)}) + "\n" for n in range(ROWS))
    )
    return path


def collect(server: RunningServer, problems: Path, *more: str) -> Forked:
    told = ["--teacher", "openai:m", "--base-url", server.base_url, "--out", problems.parent / "out"]
    told += ["--store", problems.parent / "s.sqlite", "--concurrency", CONCURRENCY, *more]
    return start("rlkd-data", "collect", problems, *told)


def problem_ids(folder: Path) -> list[str]:
    places = [*folder.glob("part-*.parquet"), *(folder / "rejected").glob("part-*.parquet")]
    return [name for file in places for name in pq.read_table(file)["problem_id"].to_pylist()]


def test_every_row_comes_out_of_a_faulty_server_and_none_twice(problems: Path) -> None:
    with running_openai_server(latency=0.02, fault=FAULTS, retry_after="0.1") as server:
        run = collect(server, problems, "--timeout", "2")
        _, said = run.communicate(timeout=120)
        stats = server.stats()
    found = problem_ids(problems.parent / "out")
    assert run.returncode == 0, said
    assert len(found) == len(set(found)) == ROWS == stats["unique"]
    assert stats["answered"] >= ROWS and set(stats["faults"]) == {fault.partition(":")[0] for fault in FAULTS}
    result = json.loads((problems.parent / "out" / "stage.json").read_text())["result"]
    assert result["figures"]["tries"] == stats["total"]


def test_killed_at_five_moments_it_asks_again_only_what_was_in_flight(problems: Path) -> None:
    chance = random.Random(3)
    with running_openai_server(latency=0.03) as server:
        for kill in range(KILLS):
            run = collect(server, problems)
            until = (kill + chance.uniform(0.2, 1.0)) * ROWS / (KILLS + 1)
            while server.stats()["answered"] < until:
                assert run.poll() is None
                time.sleep(0.01)
            os.kill(run.pid, signal.SIGKILL)
            run.communicate()
        last = collect(server, problems)
        _, said = last.communicate(timeout=120)
        asked = server.stats()
        again = collect(server, problems)
        again.communicate(timeout=60)
        assert again.returncode == 0 and server.stats()["total"] == asked["total"]
    found = problem_ids(problems.parent / "out")
    assert last.returncode == 0, said
    assert len(found) == len(set(found)) == ROWS == asked["unique"]
    assert asked["repeated"] <= KILLS * CONCURRENCY
