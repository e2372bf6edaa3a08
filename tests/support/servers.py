"""Test servers as context managers: each is a process of its own, and ends with its block."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.forked import Forked

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class RunningServer:
    port: int
    base_url: str
    pid: int

    def stats(self) -> dict[str, Any]:
        """What was asked so far: total, answered, unique, repeated, in_flight, most_at_once, faults, counts, last."""
        return self._call("stats", None)

    def reset(self) -> None:
        self._call("reset", b"")

    def _call(self, name: str, data: bytes | None) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{name}", data, timeout=30) as response:
            found: dict[str, Any] = json.load(response)
            return found


def running_openai_server(**options: Any) -> AbstractContextManager[RunningServer]:
    """Options are the server's flags: `latency=0.1, fault=["429:3"], reply_file=path, reasoning="think"`."""
    return _running("tests.support.openai_server", "/v1", options)


def running_anthropic_server(**options: Any) -> AbstractContextManager[RunningServer]:
    """The same, with `thinking="redacted"` instead of `reasoning`."""
    return _running("tests.support.anthropic_server", "", options)


def running_hub_server(root: Path, **options: Any) -> AbstractContextManager[RunningServer]:
    """The Hub's protocol, large files kept in `root`: `token="hf_…", fault=["503:commit"], chunk=1000`."""
    return _running("tests.support.hub_server", "", {"root": root} | options)


def running_priced_server(**options: Any) -> AbstractContextManager[RunningServer]:
    """The reward's two models: `decompose=1.5, judge=0.05` seconds; stats are calls and tokens by kind."""
    return _running("tests.support.priced_server", "/v1", options)


def running_lean_server(**options: Any) -> AbstractContextManager[RunningServer]:
    """For benchmarks: `latency=0.2`, and nothing else; it keeps no counts."""
    return _running("tests.support.lean_server", "/v1", options)


def running_strange_server() -> AbstractContextManager[RunningServer]:
    """Every way of `strange_ways`, each under its own path: `f"{server.base_url}/WAY/v1"`."""
    return _running("tests.support.strange_server", "", {})


@contextmanager
def _running(module: str, path: str, options: dict[str, Any], kind: Any = RunningServer) -> Iterator[Any]:
    command = [module]
    for name, value in options.items():
        for item in value if isinstance(value, (list, tuple)) else [value]:
            command += [f"--{name.replace('_', '-')}", str(item)]
    process = Forked(command, os.environ, _ROOT)
    try:
        line = process.first_line()
        assert line.isdigit(), f"{module} did not start: {process.printed('err')}"
        yield kind(int(line), f"http://127.0.0.1:{line}{path}", process.pid)
    finally:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class RunningBatchServer(RunningServer):
    """`stats` gives calls, batches and paid; see `tests.support.batch_server`."""

    def hold(self, at: int, when: str) -> None:
        """Hold call number `at` from now on: before, after or late."""
        self._call("hold", json.dumps({"at": at, "when": when}).encode())

    def wait_held(self) -> None:
        self._call("held", None)

    def release(self, *, act: bool) -> None:
        self._call("release", json.dumps({"act": act}).encode())

    def edit(self, **options: Any) -> None:
        self._call("edit", json.dumps(options).encode())


def running_batch_server(backend: str, **options: Any) -> AbstractContextManager[RunningBatchServer]:
    """A server of `openai` or `anthropic` batches: `looks=1, fate=["word=expired:first"], create_fault=["acted"]`."""
    path = "/v1" if backend == "openai" else ""
    return _running(f"tests.support.{backend}_batch_server", path, options, RunningBatchServer)
