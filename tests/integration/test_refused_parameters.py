"""Models that take no temperature, another name for the longest reply, or fewer tokens: asked in their own way, over
real HTTP."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.chat.open import open_client
from rlkd_data.chat.types import Failed, Message, Misused, Reply, Request
from rlkd_data.config import ChatSettings
from rlkd_data.schema import Sampling
from tests.support.servers import RunningServer, running_strange_server

ASKED = Sampling(0.6, 0.95, 16384, 7, 2)


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_strange_server() as running:
        yield running


def bodies(server: RunningServer, way: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/stats", timeout=30) as response:
        found: list[dict[str, Any]] = json.load(response)[way]
    return found


async def ask(server: RunningServer, way: str, store: Path, count: int = 3, model: str = "openai:m") -> list[Any]:
    path = "/v1" if model.startswith("openai") else ""
    settings = ChatSettings(base_url=f"{server.base_url}/{way}{path}", store=store, concurrency=1, max_retries=1)
    requests = {number: Request((Message("user", f"p{number}"),), ASKED) for number in range(count)}
    async with open_client(model, settings) as client:
        return [answer async for _, answer in client.ask_all(requests.items())]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")


@pytest.mark.parametrize(
    ("way", "model", "sent", "lessons"),
    [
        ("usual", "openai:m", Sampling(0.6, 0.95, 16384, 7, 2), 0),
        ("renames", "openai:m", Sampling(0.6, 0.95, 16384, 7, 2), 1),
        ("only_default", "openai:m", Sampling(None, 0.95, 16384, 7, 2), 1),
        ("forbids", "openai:m", Sampling(0.6, None, 16384, None, 2), 2),
        ("unrecognised", "openai:m", Sampling(0.6, 0.95, 16384, None, 2), 1),
        ("one_of_two", "openai:m", Sampling(0.6, None, 16384, 7, 2), 1),
        ("short_replies", "openai:m", Sampling(0.6, 0.95, 4096, 7, 2), 1),
        ("claude_new", "anthropic:m", Sampling(None, None, 16384, None, 2), 1),
    ],
)
async def test_a_model_gets_what_it_takes(
    way: str,
    model: str,
    sent: Sampling,
    lessons: int,
    server: RunningServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = len(bodies(server, way)) if way in json.loads(_stats(server)) else 0
    replies = await ask(server, way, tmp_path / "s.sqlite", model=model)
    assert all(isinstance(reply, Reply) and reply.sent == sent for reply in replies) and len(replies) == 3
    assert all(("temperature" in reply.told) is (sent.temperature is not None) for reply in replies)
    assert len(bodies(server, way)) - before == 3 + lessons  # learned once
    assert len(capsys.readouterr().err.splitlines()) == lessons  # said once
    again = await ask(server, way, tmp_path / "s.sqlite", model=model)
    assert [reply.sent for reply in again] == [sent] * 3
    assert len(bodies(server, way)) - before == 3 + 2 * lessons  # what was bought comes from the store


def _stats(server: RunningServer) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/stats", timeout=30) as response:
        found: bytes = response.read()
    return found


async def test_a_reply_gets_what_its_prompt_leaves_of_the_context(server: RunningServer, tmp_path: Path) -> None:
    replies = await ask(server, "small_context", tmp_path / "s.sqlite")
    assert [reply.sent.max_tokens for reply in replies] == [3900] * 3


async def test_a_length_that_cannot_be_mended_stops_the_run(server: RunningServer, tmp_path: Path) -> None:
    with pytest.raises(Misused, match="--max-tokens"):
        await ask(server, "says_no_number", tmp_path / "s.sqlite")


async def test_what_openai_s_reasoning_models_want_is_tried_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    request = Request((Message("user", "p"),), ASKED)
    for name, taken in (
        ("gpt-5", False),
        ("o3-mini", False),
        ("gpt-5.2", True),
        ("gpt-4o", True),
        ("gpt-5-chat", True),
    ):
        async with open_client(f"openai:{name}", ChatSettings(store=tmp_path / "s.sqlite")) as client:
            assert (client.sent(request).temperature is not None) is taken, name
            drawn = Request((Message("user", "p"),), Sampling(temperature=1.0))
            assert client.sent(drawn).temperature == 1.0  # it works, so its key stays


def test_no_failure_is_an_adapted_one() -> None:
    assert not issubclass(Misused, Reply) and issubclass(Misused, Failed)
