"""What a long run holds: conversations in the works, and nothing of those that are over."""

from __future__ import annotations

import gc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.chat import open as opening
from rlkd_data.chat.client import Client
from rlkd_data.chat.store import ResponseStore
from rlkd_data.chat.types import Failed, Reply, Request, Retryable
from rlkd_data.config import DecomposeSettings
from rlkd_data.decompose import judges
from rlkd_data.decompose.decomposer import Decomposer
from rlkd_data.decompose.talk import Talk
from rlkd_data.errors import ModelError
from rlkd_data.schema import DECOMPOSITIONS, Step, Usage
from rlkd_data.structure.render import render
from rlkd_data.tables import count_rows, outcome_counts
from tests.support.traces import made_trace, write_made_traces

ROWS = 300
TOGETHER = 8
"""Judged at once, so that few are in the works."""


class Backend:
    """Answers each request, or none where its number is past `until`; counts what is alive every so often."""

    model = "openai:m"
    default_concurrency = 4

    def __init__(self, until: int) -> None:
        self.asked, self.until = 0, until
        self.talks: list[int] = []
        self.failures: list[int] = []

    def wire(self, request: Request) -> dict[str, Any]:
        return {"prompt": request.messages[-1].content}

    async def ask(self, wire: dict[str, Any]) -> Reply:
        self.asked += 1
        if self.asked % 100 == 0:
            gc.collect()
            alive = [type(one) for one in gc.get_objects()]
            self.talks.append(sum(kind is Talk for kind in alive))
            self.failures.append(sum(issubclass(kind, Failed) for kind in alive))
        if self.asked > self.until:
            raise Retryable("the server is busy", reason="overloaded")
        lines = [line for line in wire["prompt"].partition("Reasoning:")[2].splitlines() if line.strip()]
        steps = [Step(n, f"Take up line {n}.", f"What does line {n} say?", line) for n, line in enumerate(lines, 1)]
        return Reply(render(steps, None), None, "stop", Usage(10, 0, 5), "m", datetime.now(UTC))

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("until", [ROWS, 1])
async def test_memory_does_not_grow_with_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: int) -> None:
    backend = Backend(until)
    settings = DecomposeSettings(
        traces=(write_made_traces(tmp_path / "traces", [made_trace(number) for number in range(ROWS)]),),
        annotator=backend.model,
    )
    client = Client(backend, ResponseStore(tmp_path / "s.sqlite"), max_retries=0)
    monkeypatch.setattr(opening, "open_either", lambda *_: client)
    monkeypatch.setattr(judges, "TOGETHER", TOGETHER)
    run = Decomposer(settings, backend.model).run(tmp_path / "steps", home=tmp_path / "steps")
    if until < ROWS:
        with pytest.raises(ModelError, match=f"^{ROWS - until} requests to {backend.model} failed, the last with: the"):
            await run
    else:
        await run
    kept = outcome_counts(tmp_path / "steps", DECOMPOSITIONS)
    assert sum(kept.values()) == until and count_rows(tmp_path / "traces") == ROWS
    asked_at_once = 2 * backend.default_concurrency * 2 + 2 * backend.default_concurrency
    assert len(backend.talks) == ROWS // 100
    assert max(backend.talks) <= asked_at_once + (2 + 8) * TOGETHER
    assert max(backend.failures) <= asked_at_once
