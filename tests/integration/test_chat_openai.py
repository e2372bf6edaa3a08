import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.chat.open import open_client
from rlkd_data.chat.types import Hopeless, Message, Rejected, Reply, Request, Retryable
from rlkd_data.config import ChatSettings
from rlkd_data.schema import Sampling
from tests.support.servers import RunningServer, running_openai_server

KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def request(prompt: str = "What is 2+2?", **more: Any) -> Request:
    return Request((Message("system", "Be brief."), Message("user", prompt)), **more)


def settings(server: RunningServer, folder: Path, **more: Any) -> ChatSettings:
    return ChatSettings(base_url=server.base_url, store=folder / "s.sqlite", **more)


async def ask_many(server: RunningServer, folder: Path, count: int, **more: Any) -> tuple[dict[int, Any], Any]:
    async with open_client("openai:m", settings(server, folder, **more)) as client:
        found = {key: r async for key, r in client.ask_all((i, request(f"p{i}")) for i in range(count))}
    return found, client.stats


async def test_a_full_request_and_reply(tmp_path: Path) -> None:
    sampling = Sampling(temperature=0.5, top_p=0.9, max_tokens=50, seed=7, sample_index=2)
    full = request(sampling=sampling, stop=("END",), schema_json='{"type": "object"}', top_logprobs=2)
    with running_openai_server() as server:
        async with open_client("openai:m", settings(server, tmp_path)) as client:
            reply = await client.ask(full)
        last = server.stats()["last"]
    assert "boxed" in reply.text and reply.reasoning and reply.model == "m" and reply.finish_reason == "stop"
    assert reply.logprobs[0]["top_logprobs"][0]["logprob"] == -0.1
    usage = reply.usage
    assert usage.prompt_tokens == 5 and usage.cached_tokens == 2
    assert usage.completion_tokens > usage.reasoning_tokens > 0
    assert last["authorised"] and last["body"] == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 2+2?"}],
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 50,
        "seed": 7,
        "stop": ["END"],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "reply", "schema": {"type": "object"}, "strict": True},
        },
        "logprobs": True,
        "top_logprobs": 2,
    }


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "think", "none"])
async def test_reasoning_comes_apart_where_the_server_sends_it_apart(tmp_path: Path, field: str) -> None:
    with running_openai_server(reasoning=field) as server:
        async with open_client("openai:m", settings(server, tmp_path)) as client:
            reply = await client.ask(request())
    assert (reply.reasoning is not None) == field.startswith("reasoning")
    assert reply.text.startswith("<think>") == (field == "think")


async def test_scripted_replies_and_truncation_are_kept(tmp_path: Path) -> None:
    script = tmp_path / "replies.json"
    script.write_text(json.dumps([{"contains": "p1", "text": "One and", "finish_reason": "length"}]))
    with running_openai_server(reply_file=script) as server:
        found, _ = await ask_many(server, tmp_path, 3)
        again, stats = await ask_many(server, tmp_path, 3)
        assert server.stats()["total"] == 3
    assert (found[1].text, found[1].finish_reason) == ("One and", "length")
    assert again == found and stats.from_store == 3


async def test_a_second_run_asks_nothing(tmp_path: Path) -> None:
    with running_openai_server() as server:
        first, stats = await ask_many(server, tmp_path, 100)
        assert stats.asked == 100 and server.stats()["total"] == 100
        second, stats = await ask_many(server, tmp_path, 120)
        assert stats.asked == 20 and server.stats()["total"] == 120
    assert all(second[key] == reply for key, reply in first.items())


async def test_concurrency_is_what_the_settings_say(tmp_path: Path) -> None:
    with running_openai_server(latency=0.02) as server:
        await ask_many(server, tmp_path, 60, concurrency=9)
        assert server.stats()["most_at_once"] == 9


@pytest.mark.parametrize("fault", ["500", "drop", "malformed", "429"])
async def test_passing_faults_are_got_over(tmp_path: Path, fault: str) -> None:
    with running_openai_server(fault=[f"{fault}:first"], retry_after="0.05") as server:
        found, stats = await ask_many(server, tmp_path, 8)
        count = server.stats()
    assert all(isinstance(reply, Reply) for reply in found.values())
    assert stats.retries == 8 and count["total"] == 16 and count["answered"] == 8


async def test_a_server_that_hangs_is_a_timeout(tmp_path: Path) -> None:
    with running_openai_server(fault=["hang"]) as server:
        found, _ = await ask_many(server, tmp_path, 1, timeout=0.3, max_retries=1)
        assert server.stats()["total"] == 2
    assert isinstance(found[0], Retryable) and found[0].reason == "timeout"


async def test_retry_after_is_waited_for(tmp_path: Path) -> None:
    with running_openai_server(fault=["429:first"], retry_after="1") as server:
        begin = time.monotonic()
        await ask_many(server, tmp_path, 1)
    assert 1.0 <= time.monotonic() - begin < 5.0


async def test_a_server_that_is_not_there_is_a_failure_and_not_a_reply(tmp_path: Path) -> None:
    with running_openai_server() as server:
        pass
    found, stats = await ask_many(server, tmp_path, 2, max_retries=1)
    assert [failure.reason for failure in found.values()] == ["connection", "connection"]
    assert stats.retries == 2 and KEY not in str(found)


@pytest.mark.parametrize("fault", ["401", "403", "404", "quota"])
async def test_a_fault_that_concerns_all_requests_stops_the_run(tmp_path: Path, fault: str) -> None:
    with running_openai_server(fault=[fault], latency=0.02) as server:
        with pytest.raises(Hopeless) as raised:
            await ask_many(server, tmp_path, 5000, concurrency=4)
        assert server.stats()["total"] <= 8
    said = str(raised.value)
    assert KEY not in said and "\n" not in said and ("model" in said if fault == "404" else "OPENAI_API_KEY" in said)


@pytest.mark.parametrize("fault", ["400", "413"])
async def test_a_rejected_request_does_not_stop_the_others(tmp_path: Path, fault: str) -> None:
    with running_openai_server(fault=[f"{fault}:5"]) as server:
        found, _ = await ask_many(server, tmp_path, 20)
        assert server.stats()["total"] == 20
    assert sum(isinstance(reply, Rejected) for reply in found.values()) == 4


async def test_no_key_reaches_the_store(tmp_path: Path) -> None:
    with running_openai_server(fault=["500:2"]) as server:
        await ask_many(server, tmp_path, 5)
    kept = await asyncio.to_thread(lambda: [file.read_bytes() for file in tmp_path.iterdir()])
    assert kept and all(KEY.encode() not in content for content in kept)
