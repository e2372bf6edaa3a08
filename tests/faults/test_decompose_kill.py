"""kill -9 of `rlkd-data decompose`: the same command continues, and nothing that was answered is asked again."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil

from rlkd_data.schema import DECOMPOSITIONS
from rlkd_data.tables import read_rows
from tests.support.cli import start
from tests.support.forked import Forked
from tests.support.servers import RunningServer, running_openai_server
from tests.support.traces import made_trace, write_made_traces

TRACES, CONCURRENCY, KILLS, CHANGES = 120, 6, 3, 2
"""`CHANGES`: requests about each trace, for the first reply fails a check and is repaired."""


def decompose(server: RunningServer, folder: Path) -> Forked:
    told = ["--annotator", "openai:m", "--base-url", server.base_url, "--concurrency", CONCURRENCY]
    told += ["--out", folder / "out", "--store", folder / "s.sqlite"]
    return start("rlkd-data", "decompose", folder / "traces", *told)


def test_after_kills_every_trace_has_its_row_and_only_what_was_in_flight_is_asked_again(tmp_path: Path) -> None:
    write_made_traces(tmp_path / "traces", [made_trace(number) for number in range(TRACES)])
    left_behind: list[psutil.Process] = []
    with running_openai_server(reply_function="tests.support.annotator:sloppy", latency=0.02) as server:
        for kill in range(1, KILLS + 1):
            stage = decompose(server, tmp_path)
            while server.stats()["unique"] < kill * TRACES * CHANGES // (KILLS + 1):
                assert stage.poll() is None
                time.sleep(0.01)
            left_behind += psutil.Process(stage.pid).children(recursive=True)
            os.kill(stage.pid, signal.SIGKILL)
            stage.wait()
        last = decompose(server, tmp_path)
        assert last.wait(timeout=120) == 0
        stats = server.stats()
    assert stats["unique"] == TRACES * CHANGES
    assert stats["repeated"] <= KILLS * CONCURRENCY
    rows = list(read_rows(tmp_path / "out", DECOMPOSITIONS))
    assert len(rows) == len({row.trace_id for row in rows}) == TRACES
    assert all(row.repairs == 1 for row in rows)
    _, alive = psutil.wait_procs(left_behind, timeout=30)
    assert all(process.status() == psutil.STATUS_ZOMBIE for process in alive)  # ended; nobody has waited for it
