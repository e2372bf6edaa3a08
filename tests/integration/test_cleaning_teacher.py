"""A problem that is left out is never put to the teacher, and is not looked for again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlkd_data.collect.run import collect
from rlkd_data.config import CollectSettings
from rlkd_data.schema import TRACES
from rlkd_data.tables import read_table
from tests.support.servers import running_openai_server

LONG = "A farmer has seventeen sheep and all but nine of them run away one night. How many sheep are left?"


def test_only_clean_problems_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    problems = ["What is 1 + 1?", LONG, "What is 2 + 2?", "what is  1 + 1?", LONG.upper(), "What is 1 + 2?"]
    source, benchmark = tmp_path / "source.jsonl", tmp_path / "benchmark.jsonl"
    source.write_text("".join(json.dumps({"problem": problem, "answer": "2"}) + "\n" for problem in problems))
    benchmark.write_text(json.dumps({"problem": LONG}))
    with running_openai_server() as server:
        settings = CollectSettings(
            source=str(source),
            domain="math",
            teacher="openai:m",
            samples=2,
            base_url=server.base_url,
            store=tmp_path / "store.sqlite",
            decontaminate=(str(benchmark),),
        )
        for _ in range(2):  # the second time finds all of it done
            result = collect(settings, tmp_path / "out")
            assert result.counts["rejected:contaminated"] == 2
            assert result.counts["rejected:duplicate_problem"] == 1
            assert server.stats()["total"] == 6
    asked = {row["problem"] for batch in read_table(tmp_path / "out", TRACES, ["problem"]) for row in batch.to_pylist()}
    assert asked == {problems[0], problems[2], problems[5]}
