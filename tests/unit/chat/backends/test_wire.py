import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.chat.backends import anthropic, anthropic_reply, openai, openai_reply
from rlkd_data.chat.backends.failures import Endpoint
from rlkd_data.chat.open import open_client
from rlkd_data.chat.store import request_key
from rlkd_data.chat.types import Backend, Message, Request, Retryable
from rlkd_data.config import ChatSettings
from rlkd_data.errors import InputError
from rlkd_data.schema import Sampling, Usage

URL = "http://127.0.0.1:1/v1"
KEY = "sk-very-secret-0123456789"
AT = Endpoint("openai:m", URL, "OPENAI_API_KEY", KEY)
FULL = Request(
    messages=(Message("system", "Be brief."), Message("user", "2+2?")),
    sampling=Sampling(temperature=0.5, top_p=0.9, max_tokens=100, seed=3, sample_index=2),
    stop=("END",),
    schema_json='{"type": "object"}',
    top_logprobs=5,
)
CHANGES: dict[str, Any] = {
    "messages": (Message("system", "Be brief."), Message("user", "2+3?")),
    "stop": ("STOP",),
    "schema_json": '{"type": "array"}',
    "top_logprobs": 4,
}
SAMPLING_CHANGES: dict[str, Any] = {"temperature": 0.6, "top_p": 0.8, "max_tokens": 99, "seed": 4, "sample_index": 3}


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)


def openai_backend(name: str = "m", url: str | None = URL) -> Backend:
    return openai.OpenAIBackend(name, ChatSettings(base_url=url))


def anthropic_backend(name: str = "m", url: str | None = URL) -> Backend:
    return anthropic.AnthropicBackend(name, ChatSettings(base_url=url))


def key(backend: Backend, request: Request) -> bytes:
    return request_key(backend.wire(request), request.sampling.sample_index)


def changed_requests() -> dict[str, Request]:
    found = {name: dataclasses.replace(FULL, **{name: value}) for name, value in CHANGES.items()}
    for name, value in SAMPLING_CHANGES.items():
        found[name] = dataclasses.replace(FULL, sampling=dataclasses.replace(FULL.sampling, **{name: value}))
    roles = (Message("user", "Be brief."), Message("user", "2+2?"))
    return found | {"role": dataclasses.replace(FULL, messages=roles)}


def test_every_field_of_a_request_is_covered_here() -> None:
    # `static` says where a prompt cache ends; it changes the wire only where a provider must be told
    assert {field.name for field in dataclasses.fields(Request)} == {*CHANGES, "sampling", "static"}
    assert {field.name for field in dataclasses.fields(Sampling)} == {*SAMPLING_CHANGES}


@pytest.mark.parametrize("what", changed_requests())
def test_every_field_of_a_request_changes_the_openai_key(what: str) -> None:
    assert key(openai_backend(), changed_requests()[what]) != key(openai_backend(), FULL)


@pytest.mark.parametrize("what", [name for name in changed_requests() if name not in ("top_logprobs", "seed", "top_p")])
def test_every_field_that_is_sent_changes_the_anthropic_key(what: str) -> None:
    plain = dataclasses.replace(FULL, top_logprobs=None)
    changed = dataclasses.replace(changed_requests()[what], top_logprobs=None)
    assert key(anthropic_backend(), changed) != key(anthropic_backend(), plain)


def test_model_server_and_protocol_change_the_key() -> None:
    plain = dataclasses.replace(FULL, top_logprobs=None)
    backends = [
        openai_backend(),
        openai_backend("other"),
        openai_backend(url="http://127.0.0.1:2/v1"),
        anthropic_backend(),
    ]
    assert len({key(backend, plain) for backend in backends}) == len(backends)


def test_the_same_request_has_the_same_key_in_another_client() -> None:
    assert key(openai_backend(), FULL) == key(openai_backend(), FULL)


def test_no_key_is_in_what_is_stored() -> None:
    plain = dataclasses.replace(FULL, top_logprobs=None)
    assert KEY not in json.dumps([openai_backend().wire(FULL), anthropic_backend().wire(plain)])


def test_what_is_left_open_is_not_sent() -> None:
    bare = Request((Message("user", "hi"),))
    assert openai_backend().wire(bare)["body"] == {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    assert set(anthropic_backend().wire(bare)["body"]) == {"model", "max_tokens", "messages"}


def test_openai_s_own_server_has_its_own_name_for_the_limit() -> None:
    assert openai_backend(url=None).wire(FULL)["body"]["max_completion_tokens"] == 100
    assert openai_backend().wire(FULL)["body"]["max_tokens"] == 100


def test_anthropic_takes_the_system_prompt_apart_and_always_a_limit() -> None:
    body = anthropic_backend().wire(Request((Message("system", "A"), Message("system", "B"), Message("user", "hi"))))
    assert body["body"]["system"] == "A\n\nB" and body["body"]["max_tokens"] == 8192
    assert body["body"]["messages"] == [{"role": "user", "content": "hi"}]


def test_log_probabilities_that_a_backend_cannot_give_are_refused() -> None:
    with pytest.raises(InputError, match="log-probabilities"):
        anthropic_backend().wire(FULL)


def openai_body(message: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "m-2", "choices": [{"message": message, "finish_reason": "stop"} | more]}


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_is_found_under_either_name(field: str) -> None:
    reply = openai_reply.read_reply(AT, openai_body({"content": "4", field: "2 and 2"}))
    assert (reply.text, reply.reasoning, reply.model) == ("4", "2 and 2", "m-2")


@pytest.mark.parametrize(
    ("given", "finish"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "refusal"), ("tool_calls", "other"), (None, "other")],
)
def test_openai_finish_reasons(given: str | None, finish: str) -> None:
    assert openai_reply.read_reply(AT, openai_body({"content": "x"}, finish_reason=given)).finish_reason == finish


def test_a_refusal_is_marked() -> None:
    reply = openai_reply.read_reply(AT, openai_body({"content": None, "refusal": "I can't"}))
    assert (reply.text, reply.finish_reason) == ("I can't", "refusal")


def test_a_reply_that_ended_within_its_reasoning_has_no_text() -> None:
    reply = openai_reply.read_reply(AT, openai_body({"content": None, "reasoning": "2 and"}, finish_reason="length"))
    assert (reply.text, reply.reasoning, reply.finish_reason) == ("", "2 and", "length")


def test_text_in_parts_is_joined() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "other"}, {"type": "text", "text": "b"}]
    assert openai_reply.read_reply(AT, openai_body({"content": parts})).text == "ab"


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None, "prompt_tokens_details": None}])
def test_missing_usage_counts_nothing(usage: Any) -> None:
    assert openai_reply.read_reply(AT, openai_body({"content": "x"}) | {"usage": usage}).usage == Usage()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"choices": []},
        {"choices": None},
        {"choices": [{}]},
        {"choices": ["x"]},
        {"choices": [{"message": {"content": 3}}]},
        {"choices": [{"message": {"content": ["text"]}}]},
        {"error": {"message": "upstream failed"}},
        {"choices": [{"message": {"content": "x"}, "finish_reason": []}]},
        {"choices": [{"message": {"content": "x"}, "logprobs": "none"}]},
    ],
)
def test_an_openai_body_that_is_no_reply_may_pass(body: dict[str, Any]) -> None:
    with pytest.raises(Retryable, match="malformed"):
        openai_reply.read_reply(AT, body)


def test_thinking_blocks_become_reasoning() -> None:
    blocks = [
        {"type": "thinking", "thinking": "one"},
        {"type": "redacted_thinking", "data": "AA"},
        {"type": "thinking", "thinking": "two"},
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
    ]
    reply = anthropic_reply.read_reply(AT, {"content": blocks, "stop_reason": "end_turn", "model": "c"})
    assert (reply.text, reply.reasoning) == ("ab", "one\n\n[redacted thinking]\n\ntwo")


@pytest.mark.parametrize(
    ("given", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "refusal"),
        ("pause_turn", "other"),
        (None, "other"),
    ],
)
def test_anthropic_stop_reasons(given: str | None, finish: str) -> None:
    assert anthropic_reply.read_reply(AT, {"content": [], "stop_reason": given}).finish_reason == finish


def test_anthropic_s_cached_tokens_are_part_of_the_prompt() -> None:
    usage = {"input_tokens": 3, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 2, "output_tokens": 7}
    assert anthropic_reply.read_reply(AT, {"content": [], "usage": usage}).usage == Usage(10, 5, 7, 0)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": None},
        {"content": ["x"]},
        {"content": [{"type": "text"}]},
        {"content": [{"type": "text", "text": None}]},
        {"error": {"message": "x"}},
        {"content": [], "stop_reason": ["x"]},
    ],
)
def test_an_anthropic_body_that_is_no_reply_may_pass(body: dict[str, Any]) -> None:
    with pytest.raises(Retryable, match="malformed"):
        anthropic_reply.read_reply(AT, body)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("gpt-4o", "openai:gpt-4o"),
        ("claude-x", "anthropic:claude-x"),
        ("smollm2-135m", "local:smollm2-135m"),
        ("opnai:gpt-4o", "openai:gpt-4o"),
        ("antropic:x", "anthropic:x"),
        ("Local:x", "local:x"),
        ("banana:x", "openai, anthropic, vllm, local"),
        ("openai:", "openai:MODEL"),
        (":x", "openai, anthropic, vllm, local"),
        ("", "openai:gpt-4o"),
    ],
)
def test_a_wrong_model_name_is_answered_with_the_nearest_right_one(name: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        open_client(name, ChatSettings(store=tmp_path / "s.sqlite"))
    assert told in str(raised.value) and "\n" not in str(raised.value)


def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = ChatSettings(store=tmp_path / "s.sqlite")
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with pytest.raises(InputError, match="OPENAI_API_KEY"):
        open_client("openai:gpt-4o", settings)
    with pytest.raises(InputError, match="ANTHROPIC_API_KEY"):
        open_client("anthropic:c", settings)
