"""What becomes of a run against servers that are not as the protocol says: `rlkd-data collect`, with the server in a
process of its own."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.schema import TRACES
from rlkd_data.tables import REJECTED, is_table, read_table
from tests.support.command_line import Ended, run_here
from tests.support.servers import RunningServer, running_strange_server
from tests.support.strange_ways import BROKEN_OFF, NOT_ENDED, WAITS

Collect = Callable[..., Ended]


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_strange_server() as running:
        yield running


@pytest.fixture
def collect(
    server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Collect:
    """Collects from one way of the server, into `out` of the test's folder."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setattr("rlkd_data.chat.pace.retry.FIRST", 0.02)
    monkeypatch.chdir(tmp_path)

    def run(way: str, *flags: object, rows: int = 2, backend: str = "openai", url: str = "") -> Ended:
        problems = tmp_path / f"problems-{rows}.jsonl"
        lines = (json.dumps({"problem": f"{n}: how many chairs?", "answer": "42"}) for n in range(rows))
        problems.write_text("\n".join(lines) + "\n")
        at = url or f"{server.base_url}/{way}" + ("/v1" if backend == "openai" else "")
        teacher = ["--teacher", f"{backend}:m", "--base-url", at, "--store", tmp_path / "s.sqlite"]
        return run_here(
            *("rlkd-data", "collect", problems, *(teacher if way else ()), "--out", "out", *flags),
            monkeypatch=monkeypatch,
            capsys=capsys,
        )

    return run


def rows(*, rejected: bool = False) -> list[dict[str, Any]]:
    place = Path("out") / REJECTED if rejected else Path("out")
    if not is_table(place):
        return []
    return [row for batch in read_table(Path("out"), TRACES, rejected=rejected) for row in batch.to_pylist()]


def one_error(ended: Ended) -> str:
    """The line that says what was wrong; there is no traceback and no second line."""
    lines = [line for line in ended.err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1 and "Traceback" not in ended.err and "fault in rlkd" not in ended.err, ended.err
    return lines[0]


def test_what_was_sent_is_what_the_row_says(collect: Collect) -> None:
    assert collect("renames").status == 0
    assert collect("only_default", "--out", "other").status == 0
    [row, _] = rows()
    assert row["sampling"]["temperature"] == 0.6 and row["is_correct"]


def test_a_setting_that_every_request_is_refused_for_ends_the_run_and_the_corrected_command_has_its_folder(
    collect: Collect,
) -> None:
    ended = collect("behind", "--dedupe", "off", rows=3)
    assert ended.status == 2 and "this host takes at most 10 messages (SomeHost)" in one_error(ended)
    assert not rows() and not rows(rejected=True)
    assert collect("usual", rows=3).status == 0 and len(rows()) == 3


def test_the_first_requests_that_fail_alike_are_enough(collect: Collect, server: RunningServer) -> None:
    ended = collect("details", "--breaker", 5, "--concurrency", 2, rows=200)
    assert ended.status == 2 and "the first 5 requests failed alike" in one_error(ended)
    assert not rows(rejected=True)


@pytest.mark.parametrize("way", ["choice_error", "broken_stream"])
def test_a_reply_that_is_broken_off_is_rejected_by_its_own_reason(collect: Collect, way: str) -> None:
    assert way in BROKEN_OFF
    ended = collect(way)
    assert [row["reason"] for row in rows(rejected=True)] == ["upstream_error"] * 2 and not rows()
    assert "Provider hung up" in rows(rejected=True)[0]["detail"] and ended.status == 1
    assert "nothing came out, all 2 rows are rejected: upstream_error" in one_error(ended)


@pytest.mark.parametrize("way", NOT_ENDED)
def test_a_reply_that_has_not_ended_is_never_right(collect: Collect, way: str) -> None:
    collect(way, backend="anthropic" if way == "pause_turn" else "openai")
    assert [(row["reason"], row["is_correct"]) for row in rows(rejected=True)] == [("unfinished", None)] * 2


def test_a_sign_in_page_is_named(collect: Collect) -> None:
    ended = collect("sign_in", rows=1)
    assert ended.status == 1 and "Sign in – Corp & Co" in one_error(ended)
    assert collect("usual", rows=1).status == 0


def test_a_dead_server_is_noticed_in_seconds(collect: Collect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlkd_data.chat.pace.breaker._KNOCKING", 0.3)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    ended = collect("usual", rows=30, url=url)
    assert ended.status == 1 and "--base-url" in one_error(ended)


@pytest.mark.parametrize("way", WAITS)
def test_a_wait_beyond_the_longest_ends_the_run_and_says_until_when(collect: Collect, way: str) -> None:
    ended = collect(way, rows=1)
    assert ended.status == 1 and "asks to wait until" in one_error(ended) and "--longest-wait" in one_error(ended)
    assert collect("usual", rows=1).status == 0  # the folder is free for another command


def test_problems_without_reasoning_want_a_teacher(collect: Collect) -> None:
    ended = collect("", rows=3)
    assert ended.status == 2 and "--teacher" in one_error(ended)
    assert collect("usual", rows=3).status == 0 and len(rows()) == 3


def asked(server: RunningServer, way: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.stats()[way]
    return found


def test_controls_headers_and_a_prompt_of_ones_own_reach_the_server(
    collect: Collect, server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORG", "very-secret")
    Path("ask.j2").write_text("Solve this ({{ domain }}): {{ problem }}\n")
    flags = ["--reasoning-effort", "high", "--chat-template-kwargs", '{"enable_thinking": true}', "--top-k", 20]
    flags += ["--extra-headers", "X-Org=a=${ORG}", "--system-prompt", "Be brief.", "--prompt-file", "ask.j2"]
    url = f"{server.base_url}/usual/v1?api-version=7"
    ended = collect("usual", *flags, "--temperature", "none", "--limit", 1, url=url)
    assert ended.status == 0, ended.err
    body = asked(server, "usual")[-1]
    assert (body["reasoning_effort"], body["chat_template_kwargs"], body["top_k"]) == (
        "high", {"enable_thinking": True}, 20
    )  # fmt: skip
    assert "temperature" not in body and body["prompt"] == ["Be brief.", "Solve this (math): 0: how many chairs?"]
    assert body["headers"]["x-org"] == "a=very-secret" and body["query"] == {"api-version": "7"}
    assert body["path"] == "/usual/v1/chat/completions"
    [row] = rows()
    assert json.loads(row["controls"])["top_k"] == 20 and len(row["prompt_id"]) == 12
    assert all(b"very-secret" not in path.read_bytes() for path in Path().rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no value", "asks the same of every row"),
        ("{{ problem", "cannot be filled in"),
        ("{{ nothing }}", "cannot be filled in"),
        ("{{ problem.__class__.__mro__ }}", "cannot be filled in"),
        ("{{ problem }}{% for i in range(1000000000) %}x{% endfor %}", "cannot be filled in"),
    ],
)
def test_a_prompt_that_is_none_is_one_line(collect: Collect, text: str, said: str) -> None:
    Path("ask.j2").write_text(text)
    ended = collect("usual", "--prompt-file", "ask.j2")
    assert ended.status == 2 and said in one_error(ended) and "ask.j2" in one_error(ended)
