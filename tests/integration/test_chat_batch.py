"""Batches against servers that speak both protocols, in another process: faults, splitting, sharing, and the way back
to the online client."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rlkd_data.chat.open import open_client, open_either
from rlkd_data.chat.types import Failed, Hopeless, Reply
from rlkd_data.config import ChatSettings
from rlkd_data.errors import BudgetReached, InputError
from tests.support.batch_client import KEYS, ask, requests, settings
from tests.support.servers import RunningBatchServer, running_batch_server, running_openai_server

FRESH = {"fate": [], "create_fault": [], "refuse": [], "looks": 1}


@pytest.fixture(scope="module", params=["openai", "anthropic"])
def process(request: pytest.FixtureRequest) -> Iterator[tuple[str, RunningBatchServer]]:
    with running_batch_server(request.param) as server:
        yield request.param, server


@pytest.fixture
def served(process: tuple[str, RunningBatchServer], monkeypatch: pytest.MonkeyPatch) -> tuple[str, RunningBatchServer]:
    backend, server = process
    monkeypatch.setenv(KEYS[backend], "k")
    server.reset()
    server.edit(**FRESH)
    return backend, server


def sizes(server: RunningBatchServer) -> list[int]:
    return [batch["count"] for batch in server.stats()["batches"]]


async def until(told: Callable[[], object]) -> None:
    """Wait until the server, which is another process, says so."""
    while not told():
        await asyncio.sleep(0.02)


def open_folders(folder: Path) -> list[Path]:
    return [path for path in (folder / "s.sqlite.batches").iterdir() if path.is_dir()]


async def test_items_that_fail_are_told_apart(served: tuple[str, RunningBatchServer], tmp_path: Path) -> None:
    backend, server = served
    server.edit(
        fate=[
            "late=expired:first",
            "gone=canceled:first",
            "lost=missing:first",
            "bad=400",
            "sick=500:first",
            "never=expired",
        ]
    )
    got = await ask(
        backend, settings(server.base_url, tmp_path), ["fine", "late", "gone", "lost", "bad", "sick", "never"]
    )
    assert got.pop("bad") == "failed: bad_request"
    assert got.pop("never") == "failed: batch_expired"
    assert all("The answer is" in text for text in got.values()), got
    assert sizes(server) == [7, 5, 1]  # what was answered, and what was refused for good, is not sent again
    assert set(server.stats()["paid"].values()) == {0, 1}
    assert not open_folders(tmp_path)


@pytest.mark.parametrize("fault", ["429", "500", "acted"])
async def test_a_create_call_that_fails_makes_one_batch(
    served: tuple[str, RunningBatchServer], tmp_path: Path, fault: str
) -> None:
    backend, server = served
    server.edit(create_fault=[fault])
    got = await ask(backend, settings(server.base_url, tmp_path), ["a", "b"])
    assert len(got) == 2 and sizes(server) == [2]
    listed = any(call.startswith("GET") and call.endswith("batches") for call in server.stats()["calls"])
    assert listed == (fault != "429")  # a 429 says by itself that nothing was made


async def test_split_by_number_with_duplicates_and_a_stored_reply(
    served: tuple[str, RunningBatchServer], tmp_path: Path
) -> None:
    backend, server = served
    chat = settings(server.base_url, tmp_path, requests=3, together=1)
    await ask(backend, chat, ["w0"])
    words = [f"w{i}" for i in range(8)]
    got: Counter[str] = Counter()
    async with open_either(f"{backend}:m", chat) as client:
        twice = [(word, request) for word, request in requests(words) for _ in range(2)]
        async for word, outcome in client.ask_all(twice):
            assert isinstance(outcome, Reply) and outcome.usage.completion_tokens > 0
            got[word] += 1
        stats = client.stats
    assert got == Counter(dict.fromkeys(words, 2))
    assert sizes(server) == [1, 3, 3, 1]
    assert (stats.asked, stats.retries, stats.failed) == (7, 0, 0)
    assert stats.from_store + stats.merged == 9 and stats.usage.completion_tokens > 0
    assert set(server.stats()["paid"].values()) == {1}


async def test_split_by_bytes(
    served: tuple[str, RunningBatchServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlkd_data.chat.batch.state import Limits

    backend, server = served
    async with open_either(f"{backend}:m", settings(server.base_url, tmp_path)) as client:
        line = client.provider.line("i" * 60, client.backend.wire(requests(["abc"])[0][1]))  # type: ignore[union-attr]
        monkeypatch.setattr(type(client.provider), "limits", Limits(100, 2 * len(line)))  # type: ignore[union-attr]
        words = ["abc", "def", "ghi", "x" * 3 * len(line)]
        got = {word: outcome async for word, outcome in client.ask_all(requests(words))}
    assert isinstance(too_long := got.pop(words[3]), Failed) and too_long.reason == "too_long"
    assert len(got) == 3 and sizes(server) == [2, 1]


async def test_a_finished_run_asks_nothing_again_and_an_online_run_finds_it(
    served: tuple[str, RunningBatchServer], tmp_path: Path
) -> None:
    backend, server = served
    chat = settings(server.base_url, tmp_path)
    first = await ask(backend, chat, ["a", "b"])
    calls = len(server.stats()["calls"])
    assert await ask(backend, chat, ["a", "b"]) == first
    async with open_client(f"{backend}:m", chat.model_copy(update={"mode": "online"})) as client:
        online = {word: outcome.text async for word, outcome in client.ask_all(requests(["a", "b"]))}  # type: ignore[union-attr]
    assert online == first and len(server.stats()["calls"]) == calls


async def test_two_clients_share_a_batch(served: tuple[str, RunningBatchServer], tmp_path: Path) -> None:
    backend, server = served
    server.edit(looks=3)
    chat = settings(server.base_url, tmp_path)
    both = await asyncio.gather(ask(backend, chat, ["a", "b", "c"]), ask(backend, chat, ["b", "c", "d"]))
    assert [sorted(got) for got in both] == [["a", "b", "c"], ["b", "c", "d"]]
    assert not any(text.startswith("failed") for got in both for text in got.values())
    assert set(server.stats()["paid"].values()) == {1}


async def test_left_early_it_goes_on_at_the_provider_and_says_so(
    served: tuple[str, RunningBatchServer], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backend, server = served
    server.edit(looks=10**6)
    chat = settings(server.base_url, tmp_path)
    task = asyncio.create_task(ask(backend, chat, ["a", "b"]))
    await until(lambda: any(call.startswith("GET") for call in server.stats()["calls"]))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "1 batch of" in capsys.readouterr().err
    server.edit(looks=1)
    got = await ask(backend, chat, ["a", "b", "c"])
    assert len(got) == 3 and sizes(server) == [2, 1]


async def test_what_another_stage_no_longer_wants_is_kept_for_it(
    served: tuple[str, RunningBatchServer], tmp_path: Path
) -> None:
    """A batch is fetched whole, though the run that goes on wants a part of it."""
    backend, server = served
    server.edit(looks=10**6)
    chat = settings(server.base_url, tmp_path)
    task = asyncio.create_task(ask(backend, chat, ["a", "b"]))
    await until(lambda: sizes(server))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    server.edit(looks=0)
    assert list(await ask(backend, chat, ["a"])) == ["a"]
    assert list(await ask(backend, chat, ["b"])) == ["b"]
    assert sizes(server) == [2]


async def test_a_refused_create_call_stops_the_run_and_leaves_nothing(
    served: tuple[str, RunningBatchServer], tmp_path: Path
) -> None:
    backend, server = served
    server.edit(create_fault=["400"])
    with pytest.raises(Hopeless, match="no batch could be created"):
        await ask(backend, settings(server.base_url, tmp_path), ["a"])
    assert not open_folders(tmp_path)
    assert len(await ask(backend, settings(server.base_url, tmp_path), ["a"])) == 1


async def test_a_batch_that_is_unknown_there_is_explained(
    served: tuple[str, RunningBatchServer], tmp_path: Path
) -> None:
    backend, server = served
    server.edit(looks=10**6)
    chat = settings(server.base_url, tmp_path)
    task = asyncio.create_task(ask(backend, chat, ["a"]))
    await until(lambda: any("batches/" in call for call in server.stats()["calls"]))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    server.reset()
    with pytest.raises(Hopeless, match="created with another key"):
        await ask(backend, chat, ["a"])
    assert len(open_folders(tmp_path)) == 1  # only the user may say that it is lost


async def test_a_server_without_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    with running_openai_server() as server, pytest.raises(Hopeless, match="--mode online"):
        await ask("openai", settings(server.base_url, tmp_path), ["a"])


def test_a_backend_without_batches(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no batches"):
        open_either("local:smollm2-135m", settings("http://127.0.0.1:1", tmp_path))
    with pytest.raises(InputError, match="collect and decompose"):
        open_client("openai:m", ChatSettings(base_url="http://127.0.0.1:1", store=tmp_path / "s", mode="batch"))


async def test_openai_refuses_whole_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    with running_batch_server("openai", refuse=["token_limit_exceeded", "token_limit_exceeded"]) as server:
        got = await ask("openai", settings(server.base_url, tmp_path), ["a"])
        assert len(got) == 1 and set(server.stats()["paid"].values()) == {1}
        server.edit(refuse=["invalid_json_line"])
        with pytest.raises(Hopeless, match="refused a batch"):
            await ask("openai", settings(server.base_url, tmp_path), ["b"])
        assert not open_folders(tmp_path)


async def test_compatible_server_that_drops_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    with running_batch_server("openai", create_fault=["acted"], metadata="dropped", page=1) as server:
        assert len(await ask("openai", settings(server.base_url, tmp_path), ["a"])) == 1
        assert sizes(server) == [1]


async def test_anthropic_batch_of_the_same_size_by_somebody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch of the same number of requests may be ours while it runs: it is waited for, and is not taken for ours."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    with running_batch_server("anthropic", create_fault=["", "500"], looks=6, page=1) as server:
        (tmp_path / "other").mkdir()
        (tmp_path / "ours").mkdir()
        other = asyncio.create_task(ask("anthropic", settings(server.base_url, tmp_path / "other"), ["x", "y"]))
        await until(lambda: sizes(server))
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)
        got = await ask("anthropic", settings(server.base_url, tmp_path / "ours"), ["a", "b"])
        assert sorted(got) == ["a", "b"] and sizes(server) == [2, 2]
        calls = server.stats()["calls"]
        assert calls.count("POST /v1/messages/batches") == 3
        peeked = calls.index("GET /v1/messages/batches/batch_0/results")
        assert peeked < len(calls) - 1 - calls[::-1].index("POST /v1/messages/batches")


async def test_results_survive_a_kill_between_fetching_and_storing(
    served: tuple[str, RunningBatchServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The results are on the disk once fetched: the next run needs the provider no more."""
    from rlkd_data.chat.batch.run import BatchRun

    backend, server = served
    chat = settings(server.base_url, tmp_path)

    async def cut(*_: object) -> None:
        raise Failed("cut off")

    with monkeypatch.context() as patched:
        patched.setattr(BatchRun, "_harvest", cut)
        with pytest.raises(Failed, match="cut off"):
            await ask(backend, chat, ["a", "b"])
    (folder,) = open_folders(tmp_path)
    assert json.loads((folder / "intent.json").read_text("utf-8"))["fetched"]
    calls = len(server.stats()["calls"])
    assert sorted(await ask(backend, chat, ["a", "b"])) == ["a", "b"]
    assert len(server.stats()["calls"]) == calls


async def test_a_budget_is_kept_before_a_batch_is_created_and_the_ledger_counts_once(
    served: tuple[str, RunningBatchServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a dollar a token at half the price; a request costs at most its bytes and 9 tokens."""
    from rlkd_data.chat.batch.run import BatchRun

    backend, server = served
    words = [f"w{i}" for i in range(9)]
    million = 1_000_000.0
    chat = settings(server.base_url, tmp_path, requests=2, together=1).model_copy(
        update={"input_price": 0.5 * million, "output_price": 0.5 * million, "budget": 60.0}
    )

    async def run(out: list[str], cap: float) -> float | None:
        async with open_either(f"{backend}:m", chat.model_copy(update={"budget": cap}), tmp_path / "out") as client:
            try:
                async for word, outcome in client.ask_all(requests(words)):
                    assert isinstance(outcome, Reply)
                    out.append(word)
            finally:
                spent = client.bill.cost_usd
            return spent

    first: list[str] = []
    with pytest.raises(BudgetReached):
        await run(first, 60.0)
    assert 0 < len(first) < len(words) and sum(server.stats()["paid"].values()) == len(first)

    async def cut(*_: object) -> None:
        raise Failed("cut off")

    with monkeypatch.context() as patched:  # replies are stored and billed, and their batch is still in the journal
        patched.setattr(BatchRun, "_answer", cut)
        with pytest.raises(Failed, match="cut off"):
            await run([], 10_000.0)
    assert open_folders(tmp_path)
    rest: list[str] = []
    spent = await run(rest, 10_000.0)
    assert sorted(rest) == words and set(server.stats()["paid"].values()) == {1}
    async with open_either(f"{backend}:m", chat) as client:
        replies = [client.stored(request) for _, request in requests(words)]
        costs = [client.cost(reply) for reply in replies if reply is not None]
    tokens = sum(r.usage.prompt_tokens + r.usage.completion_tokens for r in replies if r is not None)
    assert spent == pytest.approx(sum(cost or 0.0 for cost in costs)) == pytest.approx(tokens * 0.25)


def test_a_cut_off_reply_is_not_bought_again_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    chat = settings("http://127.0.0.1:1", tmp_path).model_copy(update={"retry_truncated": 100})
    with pytest.raises(InputError, match="--mode online"):
        open_either("openai:m", chat)
