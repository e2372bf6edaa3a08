"""Replies that are none, are not whole, or come in another form than was asked for: over real HTTP, as one request sees
them. What becomes of a run is tested in test_strange_servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rlkd_data.chat.open import open_client
from rlkd_data.chat.types import Failed, Hopeless, Message, Rejected, Reply, Request, Retryable
from rlkd_data.config import ChatSettings
from rlkd_data.schema import Sampling
from tests.support.servers import RunningServer, running_strange_server
from tests.support.strange_ways import ANSWER, BROKEN_OFF, NOT_ENDED, PASSING, THOUGHT


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_strange_server() as running:
        yield running


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setattr("rlkd_data.chat.pace.retry.FIRST", 0.02)


async def ask(server: RunningServer, way: str, folder: Path) -> Reply | Failed:
    model, path = ("anthropic:m", "") if way in ("claude_stream", "type_in_200", "pause_turn") else ("openai:m", "/v1")
    settings = ChatSettings(base_url=f"{server.base_url}/{way}{path}", store=folder / "s.sqlite", max_retries=4)
    async with open_client(model, settings) as client:
        try:
            return await client.ask(Request((Message("user", "p"),), Sampling(max_tokens=100)))
        except Failed as failure:
            return failure


@pytest.mark.parametrize("way", PASSING)
async def test_what_passes_is_waited_for_and_what_is_readable_is_read(
    way: str, server: RunningServer, tmp_path: Path
) -> None:
    reply = await ask(server, way, tmp_path)
    assert isinstance(reply, Reply), reply
    assert (reply.text, reply.reasoning, reply.finish_reason) == (ANSWER, THOUGHT, "stop")
    assert reply.usage.completion_tokens in (7, 30)


@pytest.mark.parametrize("way", BROKEN_OFF)
async def test_a_reply_that_the_server_breaks_off_is_tried_a_few_times_and_is_never_one(
    way: str, server: RunningServer, tmp_path: Path
) -> None:
    found = await ask(server, way, tmp_path)
    assert isinstance(found, Rejected) and found.reason == "upstream_error"


@pytest.mark.parametrize("way", NOT_ENDED)
async def test_a_reply_that_is_not_said_to_have_ended_is_marked(
    way: str, server: RunningServer, tmp_path: Path
) -> None:
    found = await ask(server, way, tmp_path)
    assert isinstance(found, Reply) and found.finish_reason == "other"


@pytest.mark.parametrize(
    ("way", "kind", "said"),
    [
        ("sign_in", Retryable, "a web page, 'Sign in – Corp & Co'"),
        ("other_stream", Retryable, "an event stream"),
        ("behind", Rejected, "Provider returned error: this host takes at most 10 messages (SomeHost)"),
        ("details", Rejected, "messages.0: wrong role"),
        ("empty_account", Hopeless, "no credit left"),
        ("no_balance", Hopeless, "no credit left"),
        ("key_in_200", Hopeless, "OPENAI_API_KEY"),
    ],
)
async def test_what_does_not_pass_says_what_the_server_said(
    way: str, kind: type, said: str, server: RunningServer, tmp_path: Path
) -> None:
    found = await ask(server, way, tmp_path)
    assert isinstance(found, kind) and said in str(found) and "\n" not in str(found)
