"""kill -9 of the client at every call of its batches: before the provider acts, after it, and where it acts late.

Whatever the moment, the next run brings out every row, and no request is paid for twice or left behind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.batch_client import start
from tests.support.servers import RunningBatchServer, running_batch_server

WORDS = ["one", "two", "three", "four", "slow"]
CALLS = {"openai": 11, "anthropic": 8}
"""Two batches, since `slow` expires in the first: upload, create, look, look, output, errors; then without errors."""


@pytest.fixture(scope="module", params=["openai", "anthropic"])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[str, RunningBatchServer]]:
    with running_batch_server(request.param, fate=["slow=expired:first"]) as server:
        yield request.param, server


def finish(backend: str, server: RunningBatchServer, folder: Path, points: int) -> None:
    """A run to its end, and nothing lost, doubled or left behind."""
    process = start(backend, server.base_url, folder, WORDS)
    process.join(60)
    assert process.exitcode == 0
    got = json.loads((folder / "got.json").read_text("utf-8"))
    assert sorted(got) == sorted(WORDS) and not any(text.startswith("failed") for text in got.values())
    stats = server.stats()
    assert sorted(stats["paid"].values()) == [1] * len(WORDS), (points, stats["calls"])
    assert [len(batch["fates"]) for batch in stats["batches"]] == [len(WORDS), 1], (points, stats["calls"])
    assert not [p for p in (folder / "s.sqlite.batches").iterdir() if p.is_dir()]


def kill_at(backend: str, server: RunningBatchServer, folder: Path, at: int, when: str) -> None:
    server.reset()
    server.hold(at, when)
    process = start(backend, server.base_url, folder, WORDS)
    server.wait_held()
    process.kill()
    process.join()


def test_killed_at_every_call(served: tuple[str, RunningBatchServer], tmp_path: Path) -> None:
    backend, server = served
    server.reset()
    (tmp_path / "whole").mkdir()
    finish(backend, server, tmp_path / "whole", 0)
    calls = server.stats()["calls"]
    assert len(calls) == CALLS[backend], calls
    for at, call in enumerate(calls, 1):
        for when in ("before", "after", "late") if call.startswith("POST") else ("after",):
            folder = tmp_path / f"{at}-{when}"
            folder.mkdir()
            if when == "late" and "files" in call:
                continue  # nobody lists batches because of an upload
            kill_at(backend, server, folder, at, when)
            if when != "late":
                server.release(act=False)
            finish(backend, server, folder, at)


def test_killed_twice(served: tuple[str, RunningBatchServer], tmp_path: Path) -> None:
    """The second kill meets the run that looks for the first one's batch."""
    backend, server = served
    create = 2 if backend == "openai" else 1
    for more in (1, 2, 3):
        folder = tmp_path / str(more)
        folder.mkdir()
        kill_at(backend, server, folder, create, "after")
        server.release(act=True)
        server.hold(create + more, "before")
        process = start(backend, server.base_url, folder, WORDS)
        while len(server.stats()["calls"]) < create + more:
            process.join(0.02)
        process.kill()
        process.join()
        server.hold(0, "")
        finish(backend, server, folder, create + more)
