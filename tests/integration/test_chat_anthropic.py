from pathlib import Path
from typing import Any

import pytest

from rlkd_data.chat.open import open_client
from rlkd_data.chat.types import Hopeless, Message, Rejected, Reply, Request, Retryable
from rlkd_data.config import ChatSettings
from rlkd_data.schema import Sampling
from tests.support.servers import RunningServer, running_anthropic_server

KEY = "sk-ant-very-secret-0123456789"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)


def settings(server: RunningServer, folder: Path, **more: Any) -> ChatSettings:
    return ChatSettings(base_url=server.base_url, store=folder / "s.sqlite", **more)


async def ask_many(server: RunningServer, folder: Path, count: int, **more: Any) -> tuple[dict[int, Any], Any]:
    async with open_client("anthropic:c", settings(server, folder, **more)) as client:
        requests = ((i, Request((Message("user", f"p{i}"),))) for i in range(count))
        found = {key: reply async for key, reply in client.ask_all(requests)}
    return found, client.stats


@pytest.mark.parametrize("thinking", ["thinking", "redacted", "none"])
async def test_a_full_request_and_reply(tmp_path: Path, thinking: str) -> None:
    messages = (Message("system", "Be brief."), Message("user", "What is 2+2?"))
    full = Request(messages, Sampling(temperature=0.5, max_tokens=50, seed=7), ("END",), '{"type": "object"}')
    with running_anthropic_server(thinking=thinking) as server:
        async with open_client("anthropic:c", settings(server, tmp_path)) as client:
            reply = await client.ask(full)
        last = server.stats()["last"]
    assert "boxed" in reply.text and reply.model == "c" and reply.finish_reason == "stop"
    assert (reply.reasoning is None) == (thinking == "none")
    assert reply.usage.prompt_tokens == 5 + 5 + 2 and reply.usage.cached_tokens == 5
    assert reply.usage.completion_tokens > reply.usage.reasoning_tokens > 0
    assert last["authorised"] and last["body"] == {
        "model": "c",
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "What is 2+2?"}],
        "max_tokens": 50,
        "temperature": 0.5,
        "stop_sequences": ["END"],
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
    }


async def test_a_second_run_asks_nothing(tmp_path: Path) -> None:
    with running_anthropic_server() as server:
        first, _ = await ask_many(server, tmp_path, 40)
        second, stats = await ask_many(server, tmp_path, 40)
        assert server.stats()["total"] == 40
    assert first == second and stats.from_store == 40


@pytest.mark.parametrize("fault", ["500", "529", "drop", "malformed", "429"])
async def test_passing_faults_are_got_over(tmp_path: Path, fault: str) -> None:
    with running_anthropic_server(fault=[f"{fault}:first"], retry_after="0.05") as server:
        found, stats = await ask_many(server, tmp_path, 6)
    assert all(isinstance(reply, Reply) for reply in found.values()) and stats.retries == 6


async def test_a_server_that_hangs_is_a_timeout(tmp_path: Path) -> None:
    with running_anthropic_server(fault=["hang"]) as server:
        found, _ = await ask_many(server, tmp_path, 1, timeout=0.3, max_retries=0)
    assert isinstance(found[0], Retryable) and found[0].reason == "timeout"


@pytest.mark.parametrize("fault", ["401", "404"])
async def test_a_fault_that_concerns_all_requests_stops_the_run(tmp_path: Path, fault: str) -> None:
    with running_anthropic_server(fault=[fault], latency=0.02) as server:
        with pytest.raises(Hopeless) as raised:
            await ask_many(server, tmp_path, 5000, concurrency=4)
        assert server.stats()["total"] <= 8
    assert KEY not in str(raised.value)


async def test_a_rejected_request_does_not_stop_the_others(tmp_path: Path) -> None:
    with running_anthropic_server(fault=["400:5"]) as server:
        found, _ = await ask_many(server, tmp_path, 20)
    assert sum(isinstance(reply, Rejected) for reply in found.values()) == 4
