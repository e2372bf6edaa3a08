"""Thoughts wherever servers put them, and replies that are none: one run of collect, and one of decompose, meets every
way, with the server in a process of its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.schema import DECOMPOSITIONS, TRACES, TableSchema
from rlkd_data.tables import read_table
from tests.support.command_line import run_here
from tests.support.servers import running_strange_server
from tests.support.strange_thoughts import ANNOTATED, REPLIES, THOUGHT, thinking
from tests.support.strange_ways import ANSWER

TOLD = {
    "empty_thought": (f"{THOUGHT}\n\n{ANSWER}", ANSWER),
    "answer_tag": (THOUGHT, "<answer>42</answer>"),
    "mentions_opening": (THOUGHT, f"{ANSWER} (See <think>.)"),
    "mentions_both": (THOUGHT, f"{ANSWER} (See <think> and </think>.)"),
    "thought_mentions": (f"A  ends it. {THOUGHT}", ANSWER),
    "no_usage": (THOUGHT, ANSWER),
} | dict.fromkeys(thinking("", ""), (THOUGHT, ANSWER))
REJECTED = {
    "thought_only": "no_response",
    "empty_text": "no_response",
    "prefilled_cut": "truncated",
    "cut_box": "truncated",
    "cut_thought": "truncated",
    "filtered": "refused",
    "refuses": "refused",
    "ciphered": "redacted",
    "half_marks": "thought_marks",
    "said_right_broken_off": "upstream_error",
}
UNREAD = {
    "all_is_thought": "empty_text",
    "thought_never_ends": "thought_only",
    "annotator_filtered": "refused",
}


def by_way(schema: TableSchema, *, rejected: bool = False) -> dict[str, dict[str, Any]]:
    batches = read_table(Path("out"), schema, rejected=rejected)
    rows = [row for batch in batches for row in batch.to_pylist()]
    return {row["problem"].partition("(way: ")[2].partition(")")[0]: row for row in rows}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rlkd_data.chat.pace.retry.FIRST", 0.02)


def write_problems(ways: dict[str, Any], **more: str) -> None:
    rows = ({"problem": f"How many chairs can be used? (way: {name})", "answer": "42"} | more for name in ways)
    Path("in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_what_a_teacher_thinks_is_told_from_what_it_says_in_every_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_problems(REPLIES)
    with running_strange_server() as server:
        teacher = ["--teacher", "openai:m", "--base-url", f"{server.base_url}/replies/v1", "--store", "s.sqlite"]
        ended = run_here(
            *("rlkd-data", "collect", "in.jsonl", *teacher, "--out", "out", "--dedupe", "off"),
            monkeypatch=monkeypatch,
            capsys=capsys,
        )
    assert ended.status == 0, ended.err
    kept, rejected = by_way(TRACES), by_way(TRACES, rejected=True)
    assert {way: (row["reasoning"], row["response"]) for way, row in kept.items()} == TOLD
    assert {(row["final_answer"], row["is_correct"]) for row in kept.values()} == {("42", True)}
    assert {way: row["reason"] for way, row in rejected.items()} == REJECTED
    assert all(row["is_correct"] is None and row["detail"] for row in rejected.values())
    assert rejected["cut_box"]["final_answer"] is None  # the first box was withdrawn


def test_what_an_annotator_thinks_is_no_step_in_any_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_problems(ANNOTATED, reasoning=THOUGHT, response=ANSWER)
    assert run_here(
        *("rlkd-data", "collect", "in.jsonl", "--out", "traces", "--dedupe", "off"),
        monkeypatch=monkeypatch,
        capsys=capsys,
    ).status == 0  # fmt: skip
    with running_strange_server() as server:
        annotator = ["--annotator", "openai:m", "--base-url", f"{server.base_url}/annotators/v1", "--store", "s.sqlite"]
        ended = run_here(
            *("rlkd-data", "decompose", "traces", *annotator, "--out", "out"), monkeypatch=monkeypatch, capsys=capsys
        )
    assert ended.status == 0, ended.err
    kept, rejected = by_way(DECOMPOSITIONS), by_way(DECOMPOSITIONS, rejected=True)
    assert {way: row["reason"] for way, row in rejected.items()} == UNREAD
    assert all(row["steps"] == kept["plain"]["steps"] and len(row["steps"]) == 2 for row in kept.values())
    assert set(kept) == set(ANNOTATED) - set(UNREAD)
