"""No server and no fault passes the budget by more than what is in flight; what may have been paid for is written down.

A try costs at most (bytes of the request + max_tokens) × $0.001 here, and $0.15 by an honest count.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.chat.money import ledger
from rlkd_data.chat.open import open_client
from rlkd_data.chat.store import ResponseStore
from rlkd_data.chat.types import Failed, Message, Reply, Request
from rlkd_data.config import ChatSettings
from rlkd_data.errors import BudgetReached, InputError
from rlkd_data.schema import Sampling
from tests.support.raw_server import CUT, RawServer, completion, http, raw_server

MOST = 60
"""`max_tokens` of the requests."""


async def ask(server: RawServer, folder: Path, count: int, **more: Any) -> tuple[dict[int, Any], Any]:
    """What came of `count` requests, and the client; it ends where the budget is reached."""
    told = {"input_price": 1000.0, "output_price": 1000.0, "concurrency": 4, "max_retries": 1} | more
    settings = ChatSettings(base_url=server.url, store=folder / "s.sqlite", **told)
    found: dict[int, Any] = {}
    async with open_client("openai:m", settings, folder / "out") as client:
        requests = ((i, Request((Message("user", f"p{i}"),), Sampling(max_tokens=MOST))) for i in range(count))
        try:
            async for key, reply in client.ask_all(requests):
                found[key] = reply
        except BudgetReached as reached:
            found[-1] = reached
    return found, client


def in_ledger(folder: Path) -> float:
    """Dollars of the job, and nothing held any more."""
    job = json.loads((folder / "out" / "ledger.json").read_text())["job"]
    with sqlite3.connect(folder / "s.sqlite") as store:
        assert store.execute("SELECT count(*) FROM held").fetchone() == (0,)
        return ledger.read(store, job).cost_usd


def answering(body: Any) -> Callable[[dict[str, Any], int], Awaitable[bytes | None]]:
    async def answer(asked: dict[str, Any], number: int) -> bytes | None:
        return http(body)

    return answer


def usage(prompt: Any, completion_: Any) -> dict[str, Any]:
    return completion(usage={"prompt_tokens": prompt, "completion_tokens": completion_})


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({k: v for k, v in completion().items() if k != "usage"}, id="missing"),
        pytest.param(completion(usage=None), id="null"),
        pytest.param(completion(usage=[1, 2]), id="list"),
        pytest.param(usage(100, None), id="half"),
        pytest.param(usage(True, "7"), id="bool"),
        pytest.param(usage(-100_000, -50_000), id="negative"),
        pytest.param(usage(float("nan"), float("inf")), id="nan"),
        pytest.param(usage(10**30, 5), id="huge"),
        pytest.param(usage(2**62, 2**62), id="huge sum"),
        pytest.param(usage(100, 0), id="none out"),
    ],
)
async def test_a_reply_without_a_believable_usage_is_charged_what_was_reserved(
    tmp_path: Path, body: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async with raw_server(answering(body)) as server:
        found, client = await ask(server, tmp_path, 60, budget=1.0)
        most = client.bill.most(140, MOST)  # the requests are a few bytes longer
    answered = len(server.asked)
    assert isinstance(found.pop(-1), BudgetReached) and len(found) == answered
    assert 2 <= answered <= 1.0 / most + 1
    assert client.bill.spent.cost_usd >= answered * most and in_ledger(tmp_path) == client.bill.spent.cost_usd <= 1.0
    assert client.stats.usage.prompt_tokens >= 0 and client.cost(found[0]) is None
    said = capsys.readouterr().err
    assert said.count("believable count") == 1


async def test_integral_floats_are_counts(tmp_path: Path) -> None:
    async with raw_server(answering(usage(100.0, 50.0))) as server:
        found, _ = await ask(server, tmp_path, 4, budget=10.0)
    assert len(found) == 4 and in_ledger(tmp_path) == pytest.approx(0.6)


async def test_cached_tokens_that_were_not_in_the_prompt_take_nothing_off_the_price(tmp_path: Path) -> None:
    details = {"prompt_tokens": 100, "completion_tokens": 50, "prompt_tokens_details": {"cached_tokens": 10**7}}
    async with raw_server(answering(completion(usage=details))) as server:
        _, client = await ask(server, tmp_path, 4, cached_price=0.0)
    assert client.bill.spent.cost_usd == pytest.approx(4 * 0.05)


async def cut_after_answering(asked: dict[str, Any], number: int) -> bytes | None:
    return CUT


async def half_an_answer(asked: dict[str, Any], number: int) -> bytes | None:
    return http(completion())[:-10]


async def too_late(asked: dict[str, Any], number: int) -> bytes | None:
    await asyncio.sleep(30)
    return http(completion())


async def no_reply(asked: dict[str, Any], number: int) -> bytes | None:
    return http(b'{"choices": []}')


@pytest.mark.parametrize("answer", [cut_after_answering, half_an_answer, too_late, no_reply])
async def test_a_try_that_may_have_been_paid_for_is_charged_its_reservation(
    tmp_path: Path, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async with raw_server(answer) as server:
        found, client = await ask(server, tmp_path, 30, budget=1.0, timeout=0.2)
        most = client.bill.most(100, MOST)
    assert isinstance(found.pop(-1), BudgetReached) and all(isinstance(one, Failed) for one in found.values())
    assert 2 <= len(server.asked) <= 1.0 / most
    assert len(server.asked) * most <= in_ledger(tmp_path) <= 1.0
    assert capsys.readouterr().err.count("may have been paid for") == 1


async def test_a_server_that_cannot_be_reached_costs_nothing(tmp_path: Path) -> None:
    async with raw_server(cut_after_answering) as server:
        pass
    found, client = await ask(server, tmp_path, 6, budget=1.0)
    assert len(found) == 6 and all(isinstance(one, Failed) for one in found.values())
    assert in_ledger(tmp_path) == 0.0 == client.bill.spent.cost_usd


@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_an_error_of_the_server_s_costs_nothing(tmp_path: Path, status: int) -> None:
    async def answer(asked: dict[str, Any], number: int) -> bytes | None:
        return http({"error": {"message": "no"}}, status)

    async with raw_server(answer) as server:
        try:
            await ask(server, tmp_path, 4, budget=1.0, concurrency=1)
        except Failed:
            assert status == 401
    assert server.asked and in_ledger(tmp_path) == 0.0


async def test_a_request_given_up_while_it_is_asked_is_charged(tmp_path: Path) -> None:
    async with raw_server(too_late) as server:
        settings = ChatSettings(
            base_url=server.url, store=tmp_path / "s.sqlite", input_price=1000.0, output_price=1000.0, budget=5.0
        )
        async with open_client("openai:m", settings, tmp_path / "out") as client:
            asking = asyncio.create_task(client.ask(Request((Message("user", "p"),), Sampling(max_tokens=MOST))))
            while not server.asked:
                await asyncio.sleep(0.005)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            most = client.bill.most(100, MOST)
    assert most <= in_ledger(tmp_path) < 2 * most


async def test_a_server_that_ignores_max_tokens_is_noticed_charged_and_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with raw_server(answering(usage(100, 5000))) as server:
        found, _ = await ask(server, tmp_path, 60, budget=20.0, concurrency=2)
    assert isinstance(found[-1], BudgetReached) and len(server.asked) == 3  # $5.10 each; a fourth might not fit
    assert in_ledger(tmp_path) == pytest.approx(3 * 5.1)
    said = capsys.readouterr().err
    assert said.count("does not keep to max_tokens") == 1 and "5,000" in said and "60" in said


async def test_what_a_killed_process_had_in_flight_counts_as_spent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ResponseStore(tmp_path / "s.sqlite")
    job = ledger.job_of(tmp_path / "out")
    with sqlite3.connect(tmp_path / "s.sqlite") as other:
        other.execute("INSERT INTO held VALUES (?, 'nobody-here:1:1:a', 'openai:m', 0.25)", (job,))
    dead = "localhost:4194305:1:b"  # above the largest process number
    monkeypatch.setattr("rlkd_data.run.process._host", lambda: "localhost")
    await store.hold(job, dead, "openai:m", 0.5, 0.6, 10.0)
    await asyncio.to_thread(store.close)
    async with raw_server(answering(completion())) as server:
        found, _ = await ask(server, tmp_path, 20, budget=1.21)
    # $0.6 of the dead process are spent, $0.25 of one on another host are held: $0.36 are left.
    assert isinstance(found[-1], BudgetReached) and len(server.asked) == 2
    assert "cut off" in capsys.readouterr().err
    with sqlite3.connect(tmp_path / "s.sqlite") as other:
        assert other.execute("SELECT owner FROM held").fetchall() == [("nobody-here:1:1:a",)]
        assert ledger.read(other, job).cost_usd == pytest.approx(0.6 + 2 * 0.15)


async def test_a_reply_that_cannot_be_stored_is_charged_all_the_same(tmp_path: Path) -> None:
    await asyncio.to_thread(ResponseStore(tmp_path / "s.sqlite").close)
    full = "CREATE TRIGGER full BEFORE INSERT ON replies WHEN (SELECT count(*) FROM replies) > 1 BEGIN "
    with sqlite3.connect(tmp_path / "s.sqlite") as store:
        store.execute(full + "SELECT RAISE(ABORT, 'full'); END")
    async with raw_server(answering(completion())) as server:
        with pytest.raises(InputError, match="full"):
            await ask(server, tmp_path, 20, budget=5.0)
    assert len(server.asked) > 2
    job = json.loads((tmp_path / "out" / "ledger.json").read_text())["job"]
    with sqlite3.connect(tmp_path / "s.sqlite") as store:  # what could not be let go of is the next run's to bury
        held = store.execute("SELECT coalesce(sum(cost_usd), 0) FROM held").fetchone()[0]
        assert ledger.read(store, job).cost_usd + held >= 0.15 * len(server.asked) - 1e-9


async def test_two_clients_of_one_job_share_its_budget(tmp_path: Path) -> None:
    async with raw_server(answering(completion())) as server:
        settings = ChatSettings(
            base_url=server.url, store=tmp_path / "s.sqlite", input_price=1000.0, output_price=1000.0, budget=2.0
        )

        async def some(name: str) -> None:
            async with open_client("openai:m", settings, tmp_path / "out") as client:
                requests = (
                    (i, Request((Message("user", f"{name}{i}"),), Sampling(max_tokens=MOST))) for i in range(20)
                )
                with pytest.raises(BudgetReached):
                    async for _, reply in client.ask_all(requests):
                        assert isinstance(reply, Reply)

        await asyncio.gather(some("a"), some("b"))
    assert len(server.asked) >= 4 and in_ledger(tmp_path) == pytest.approx(0.15 * len(server.asked))
    assert in_ledger(tmp_path) <= 2.0
