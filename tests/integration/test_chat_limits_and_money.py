"""Limits, prices, budget, ledger and estimates against real servers, most of them through the command line."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from rlkd_data.chat.open import open_client
from rlkd_data.chat.types import Message, Reply, Request
from rlkd_data.config import ChatSettings
from rlkd_data.errors import BudgetReached
from rlkd_data.schema import Sampling, Usage
from tests.support.cli import cli
from tests.support.servers import RunningServer, running_anthropic_server, running_openai_server

PRICES = ("--input-price", "1000", "--output-price", "1000")
"""A thousandth of a dollar a token."""


def problems(folder: Path, count: int) -> Path:
    path = folder / "problems.jsonl"
    rows = ({"problem": f"What is {n} plus {n}?", "answer": str(2 * n)} for n in range(count))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def collect(server: RunningServer, folder: Path, source: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    told = ["--teacher", "openai:m", "--base-url", server.base_url, "--out", folder / "out"]
    return cli("collect", source, *told, "--store", folder / "s.sqlite", *more)


def rows(folder: Path) -> list[dict[str, Any]]:
    return [row for file in sorted(folder.glob("part-*.parquet")) for row in pq.read_table(file).to_pylist()]


async def ask(server: RunningServer, folder: Path, count: int, **more: Any) -> tuple[dict[int, Any], Any]:
    settings = ChatSettings(base_url=server.base_url, store=folder / "s.sqlite", **more)
    async with open_client("openai:m", settings, folder / "out") as client:
        requests = ((i, Request((Message("user", f"p{i}"),), Sampling(max_tokens=50))) for i in range(count))
        found = {key: reply async for key, reply in client.ask_all(requests)}
    return found, client


async def test_requests_a_minute_from_the_flag_wait_and_do_not_fail(tmp_path: Path) -> None:
    with running_openai_server() as server:
        began = time.monotonic()
        found, client = await ask(server, tmp_path, 25, rpm=600)
    assert time.monotonic() - began >= (25 - 12) / 10  # a second's worth at once, then ten a second
    assert all(isinstance(reply, Reply) for reply in found.values()) and client.stats.retries == 0


async def test_tokens_a_minute_from_the_flag(tmp_path: Path) -> None:
    with running_openai_server(reasoning="none") as server:
        found, client = await ask(server, tmp_path, 40, tpm=6000)  # 10 tokens each: 10 a second at most
        began = server.stats()["began"]
    used = client.stats.usage.prompt_tokens + client.stats.usage.completion_tokens
    assert len(found) == 40 and began[-1] - began[0] >= (used - 100 - 60) / 100 - 0.5 > 0


async def test_limits_are_learned_from_the_server_s_headers(tmp_path: Path) -> None:
    header = ["x-ratelimit-limit-requests: 600", "x-ratelimit-remaining-requests: 5"]
    with running_openai_server(header=header) as server:
        began = time.monotonic()
        found, client = await ask(server, tmp_path, 30, concurrency=2)
    assert time.monotonic() - began >= (30 - 12) / 10
    assert len(found) == 30 and client.limits.known == {"requests": 600}


async def test_a_server_that_takes_fewer_at_once_is_asked_by_fewer(tmp_path: Path) -> None:
    with running_openai_server(latency=0.02, most_at_once=6) as server:
        found, client = await ask(server, tmp_path, 250, concurrency=64, max_retries=40)
        refused = server.stats()["faults"]["429"]
    assert all(isinstance(reply, Reply) for reply in found.values())
    assert client._window.window < 32 and refused < 250


async def test_a_budget_is_never_overshot_and_what_was_bought_is_delivered(tmp_path: Path) -> None:
    settings = {"input_price": 1000.0, "output_price": 1000.0, "budget": 2.0, "concurrency": 16}
    kept: list[Reply] = []
    with running_openai_server(latency=0.01) as server:
        options = ChatSettings(base_url=server.base_url, store=tmp_path / "s.sqlite", **settings)
        async with open_client("openai:m", options, tmp_path / "out") as client:
            requests = ((i, Request((Message("user", f"p{i}"),), Sampling(max_tokens=50))) for i in range(500))
            with pytest.raises(BudgetReached):
                async for _, reply in client.ask_all(requests):
                    assert isinstance(reply, Reply)
                    kept.append(reply)
        answered = server.stats()["answered"]
    cost = sum(client.cost(reply) or 0 for reply in kept)
    assert len(kept) == answered > 10 and 1.0 < cost <= 2.0
    assert client.bill.spent.cost_usd == pytest.approx(cost)


def test_the_ledger_outlives_the_run_and_a_higher_budget_continues(tmp_path: Path) -> None:
    source, tight = problems(tmp_path, 60), ("--concurrency", "4", "--max-tokens", "60", *PRICES)
    with running_openai_server() as server:
        first = collect(server, tmp_path, source, *tight, "--budget", "1.5")
        assert first.returncode == 3 and "--budget" in first.stderr and "Traceback" not in first.stderr
        bought, ledger = rows(tmp_path / "out"), json.loads((tmp_path / "out" / "ledger.json").read_text())
        assert len(bought) == server.stats()["answered"] > 5
        assert sum(row["cost_usd"] for row in bought) == pytest.approx(ledger["dollars"]) and ledger["dollars"] <= 1.5
        asked = server.stats()["total"]
        again = collect(server, tmp_path, source, *tight, "--budget", "1.5")
        assert again.returncode == 3 and server.stats()["total"] == asked
        last = collect(server, tmp_path, source, *tight, "--budget", "100")
        assert last.returncode == 0, last.stderr
        assert server.stats()["total"] == server.stats()["unique"] == 60
    stage, found = json.loads((tmp_path / "out" / "stage.json").read_text()), rows(tmp_path / "out")
    assert len(found) == len({row["problem_id"] for row in found}) == 60
    assert stage["result"]["cost_usd"] == pytest.approx(sum(row["cost_usd"] for row in found))
    assert stage["result"]["figures"]["tries"] == 60 and "genai-prices" in stage["versions"]


def test_an_unknown_price_is_said_and_a_budget_without_one_is_refused(tmp_path: Path) -> None:
    source = problems(tmp_path, 3)
    with running_openai_server(fault=["500:first"]) as server:
        refused = collect(server, tmp_path, source, "--budget", "1")
        assert refused.returncode == 2 and "--input-price" in refused.stderr and server.stats()["total"] == 0
        done = collect(server, tmp_path, source)
    figures = json.loads((tmp_path / "out" / "stage.json").read_text())["result"]
    assert done.returncode == 0 and figures["cost_usd"] is None and figures["figures"]["dollars"] == "unknown"
    assert figures["figures"]["tries"] == 6 and all(row["cost_usd"] is None for row in rows(tmp_path / "out"))


def test_an_estimate_asks_a_few_keeps_their_replies_and_its_range_holds(tmp_path: Path) -> None:
    source = problems(tmp_path, 80)
    with running_openai_server() as server:
        told = collect(server, tmp_path, source, *PRICES, "--estimate", "--estimate-sample", "6")
        assert told.returncode == 0 and server.stats()["total"] == 6 and not (tmp_path / "out").exists(), told.stderr
        assert "requests to ask: 74 (6 more" in told.stdout
        low, high = (float(n.replace(",", "")) for n in re.findall(r"\$([\d,.]+\d)", told.stdout)[:2])
        unasked = collect(server, tmp_path, source, "--estimate", "--estimate-sample", "0")
        assert "no price is known" in unasked.stdout and server.stats()["total"] == 6
        collect(server, tmp_path, source, *PRICES)
        assert server.stats()["total"] == 80
    cost = json.loads((tmp_path / "out" / "stage.json").read_text())["result"]["cost_usd"]
    assert low * 0.9 <= cost <= high * 1.1 and high < 2 * low


def test_an_estimate_that_asks_nothing_needs_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    command = [sys.executable, "-c", "from rlkd_data.cli import main; main()", "collect", str(problems(tmp_path, 9))]
    command += ["--teacher", "openai:gpt-4o", "--out", str(tmp_path / "out"), "--store", str(tmp_path / "s.sqlite")]
    told = subprocess.run(
        [*command, "--estimate", "--estimate-sample", "0"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0 and "genai-prices" in told.stdout and "nothing was asked" in told.stdout, told.stderr


@pytest.mark.parametrize("fault", ["401", "403", "404", "quota"])
def test_what_no_request_survives_stops_the_run_at_once(tmp_path: Path, fault: str) -> None:
    with running_openai_server(fault=[fault], latency=0.05) as server:
        ended = collect(server, tmp_path, problems(tmp_path, 500), "--concurrency", "4")
        assert server.stats()["total"] <= 8
    assert ended.returncode == 1 and "Traceback" not in ended.stderr and "openai:m" in ended.stderr


async def test_a_truncated_reply_is_not_bought_again_unless_asked(tmp_path: Path) -> None:
    with running_openai_server(reply_function="tests.support.replies:long_for_the_patient") as server:
        first, _ = await ask(server, tmp_path, 4)
        assert {reply.finish_reason for reply in first.values()} == {"length", "stop"}
        again, _ = await ask(server, tmp_path, 4)
        assert again == first and server.stats()["total"] == 4
        longer, _ = await ask(server, tmp_path, 4, retry_truncated=100)
        assert server.stats()["total"] == 6 and {reply.finish_reason for reply in longer.values()} == {"stop"}
        shorter, _ = await ask(server, tmp_path, 4, retry_truncated=40)
        assert server.stats()["total"] == 6 and shorter == first
        await ask(server, tmp_path, 4, retry_truncated=100)
        assert server.stats()["total"] == 6


async def test_anthropic_is_told_to_cache_the_static_prefix_and_the_bill_knows(tmp_path: Path) -> None:
    shots = (Message("system", "Be brief."), Message("user", "1+1?"), Message("assistant", "2"))
    mark = {"cache_control": {"type": "ephemeral"}}
    with running_anthropic_server() as server:
        settings = ChatSettings(
            base_url=server.base_url, store=tmp_path / "s", input_price=10, output_price=0, cached_price=1
        )
        async with open_client("anthropic:c", settings, tmp_path / "out") as client:
            reply = await client.ask(Request((*shots, Message("user", "2+2?")), static=3))
            body = server.stats()["last"]["body"]
            assert body["messages"][1]["content"] == [{"type": "text", "text": "2", **mark}]
            assert body["messages"][2]["content"] == "2+2?" and body["system"] == "Be brief."
            await client.ask(Request((shots[0], Message("user", "2+2?")), static=1))
            assert server.stats()["last"]["body"]["system"] == [{"type": "text", "text": "Be brief.", **mark}]
    usage = reply.usage
    assert usage.cached_tokens == 5 and reply.cache_written == 2
    assert client.cost(reply) == pytest.approx(((usage.prompt_tokens - 5) * 10 + 5 * 1) / 1e6)
    assert client.bill.spent.cached_tokens == 10 and client.stats.usage != Usage()
