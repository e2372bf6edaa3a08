"""Bodies of every shape: errors' sentences, waits, event streams, thoughts and ends of replies."""

import json
import re
from typing import Any

import pytest

from rlkd_data.chat.backends.anthropic_reply import read_reply as read_message
from rlkd_data.chat.backends.event_stream import assembled, is_stream, without_comments
from rlkd_data.chat.backends.failures import Endpoint, failure, load_object
from rlkd_data.chat.backends.openai_reply import read_reply
from rlkd_data.chat.backends.parts import REDACTED
from rlkd_data.chat.backends.said import asked_wait, page_title, sentence
from rlkd_data.chat.types import Hopeless, Retryable, Unfinished
from rlkd_data.schema import Usage

AT = Endpoint("openai:m", "http://127.0.0.1:1/v1", "OPENAI_API_KEY", "sk-secret-0123456789")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": {"message": "no"}}, "no"),
        ([{"error": {"message": "in a list"}}], "in a list"),
        ({"error": "plain"}, "plain"),
        ({"detail": [{"loc": ["body", "seed"], "msg": "not permitted"}]}, "seed: not permitted"),
        ({"errors": [{"message": "a"}, {"message": "b"}]}, "a; b"),
        ({"error": {"message": "P", "metadata": {"raw": '{"error": {"message": "inner"}}'}}}, "P: inner"),
        ({"error": {"message": "P", "metadata": {"raw": "plain", "provider_name": "H"}}}, "P: plain (H)"),
        ({"message": '{"detail": "twice"}'}, "twice"),
        ({"strange": 1}, '{"strange": 1}'),
        ("<html><head><title>502 Bad\nGateway</title></head>", "a web page, '502 Bad Gateway'"),
        ("<!doctype html><h1>Sign <b>in</b></h1>", "a web page, 'Sign in'"),
        ("just words", "just words"),
        ("[" * 50_000, "[" * 50_000),
    ],
)
def test_the_sentence_of_an_error(body: Any, said: str) -> None:
    assert sentence(body if isinstance(body, str) else json.dumps(body)) == said


def test_a_text_about_pages_is_no_page() -> None:
    assert page_title('{"text": "<html>"}') is None and page_title("<p>") is None and page_title("<html>") == ""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Please retry in 1.5s.", 1.5),
        ("Please try again in 6m0s. Visit", 360.0),
        ("try again in 1h2m3.5s", 3723.5),
        ("Retry after 250ms", 0.25),
        ("Please wait 2 minutes before", 120.0),
        ('{"details": [{"retryDelay": "31s"}]}', 31.0),
        ('{"retry_after": 3.5}', 3.5),
        ('{"error": "Model X is currently loading", "estimated_time": 20.0}', 20.0),
        ("retry in 1 month", 2592000.0),
        ("quota resets in 3 days", 259200.0),
        ("try again in 1 mile", None),
        ("retry your request", None),
        ("limit resets at 14:00", None),
        ("You have 3 retries", None),
    ],
)
def test_how_long_a_body_asks_to_wait(text: str, seconds: float | None) -> None:
    assert asked_wait(text) == seconds


QUOTA = "You exceeded your current quota, please check your plan and billing details."


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": QUOTA, "code": "insufficient_quota"}, Hopeless),
        ({"message": QUOTA}, Hopeless),
        ({"message": QUOTA + " Please retry in 30s."}, Retryable),
        ({"message": QUOTA + " Quota exceeded for requests_per_minute"}, Retryable),
        ({"message": QUOTA, "details": [{"retryDelay": "2s"}]}, Retryable),
        ({"message": QUOTA + " Please retry in 30s.", "type": "insufficient_quota"}, Hopeless),
    ],
)
def test_a_quota_that_fills_again_is_told_from_an_empty_account(error: dict[str, Any], kind: type) -> None:
    assert type(failure(AT, 429, {}, json.dumps({"error": error}))) is kind
    if kind is Hopeless:
        assert isinstance(failure(AT, 429, {"retry-after": "5"}, json.dumps({"error": error})), (Hopeless, Retryable))


def choice(message: dict[str, Any], finish: Any = "stop", **more: Any) -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": finish} | more]}


@pytest.mark.parametrize(
    "message",
    [
        {"content": "4", "reasoning_content": "2 and 2"},
        {"content": "4", "reasoning": "2 and 2"},
        {"content": "4", "reasoning": {"content": "2 and 2"}},
        {"content": "4", "thinking": "2 and 2"},
        {"content": [{"type": "thinking", "thinking": "2 and 2"}, {"type": "text", "text": "4"}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": t} for t in ("2 and", " 2")]},
                     {"type": "text", "text": "4"}]},
        {"content": [{"type": "reasoning", "text": "2 and 2"}, {"type": "output_text", "text": "4"}]},
        {"content": "4", "reasoning_details": [{"type": "reasoning.text", "text": "2 and"},
                                               {"type": "reasoning.text", "text": " 2"}]},
        {"content": "4", "reasoning_details": [{"type": "reasoning.summary", "summary": "2 and 2"}]},
        {"content": "4", "reasoning": "", "reasoning_content": None, "reasoning_details": [],
         "thinking_content": "2 and 2"},
        {"content": "4", "thinking_blocks": [{"type": "thinking", "thinking": "2 and 2", "signature": "s"}]},
    ],
)  # fmt: skip
def test_reasoning_is_found_wherever_a_server_puts_it(message: dict[str, Any]) -> None:
    reply = read_reply(AT, choice(message))
    assert (reply.text, reply.reasoning) == ("4", "2 and 2")


def test_reasoning_in_cipher_is_marked() -> None:
    details = [{"type": "reasoning.encrypted", "data": "zz"}]
    assert read_reply(AT, choice({"content": "4", "reasoning_details": details})).reasoning == REDACTED


@pytest.mark.parametrize(
    ("said", "finish"),
    [
        ("STOP", "stop"),
        ("eos", "stop"),
        ("model_length", "length"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "refusal"),
        ("content_filter: PROHIBITED_CONTENT", "refusal"),
        ("ERROR_TOXIC", "refusal"),
    ],
)
def test_other_words_for_the_end_of_a_reply(said: str, finish: str) -> None:
    assert read_reply(AT, choice({"content": "4"}, said)).finish_reason == finish


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"errors": [{"code": 7009, "message": "Upstream service error"}], "result": None}, "Upstream service error"),
        ({"detail": "Model is warming up"}, "Model is warming up"),
        ({"choices": None, "error": None}, "its fields (choices, error) are not those of a completion"),
        ({"message": {"content": "a"}, "done": True}, "its fields (message, done) are not those of a completion"),
        ({"object": "response", "output": []}, "its fields (object, output) are not those of a completion"),
    ],
)
def test_a_body_that_is_no_completion_is_told_by_what_it_says_or_holds(body: dict[str, Any], said: str) -> None:
    with pytest.raises(Retryable, match=re.escape(f"sent a malformed reply: {said}") + "$"):
        read_reply(AT, body)


def test_one_chunk_of_a_stream_and_a_refusal_among_the_parts() -> None:
    chunk = {"choices": [{"delta": {"content": "a"}, "finish_reason": {"type": "stop", "matched": 7}}]}
    assert (read_reply(AT, chunk).text, read_reply(AT, chunk).finish_reason) == ("a", "stop")
    parts = {"choices": [{"message": {"content": [{"type": "refusal", "refusal": "No."}]}, "finish_reason": "stop"}]}
    found = read_reply(AT, parts)
    assert (found.text, found.reasoning, found.finish_reason) == ("No.", None, "refusal")


@pytest.mark.parametrize(("text", "said"), [("", "nothing at all"), ("upstream  reset", "'upstream reset'")])
def test_what_is_no_json_is_shown(text: str, said: str) -> None:
    with pytest.raises(Retryable, match=re.escape(said)):
        load_object(AT, text)


def test_what_a_broken_reply_cost_is_told() -> None:
    body = choice({"content": "4"}, "error") | {"usage": {"prompt_tokens": 5, "completion_tokens": 2}}
    with pytest.raises(Unfinished) as raised:
        read_reply(AT, body)
    assert raised.value.usage is not None and raised.value.usage.completion_tokens == 2


@pytest.mark.parametrize(
    ("text", "stream"),
    [("data: {}\n\n", True), (": hi\n\ndata: {}", True), ("event: x\n", True), ("{}", False), (": hi\n\n{}", False)],
)
def test_a_stream_is_told_by_its_fields(text: str, stream: bool) -> None:
    assert is_stream(text) is stream


def test_comments_before_a_body_and_a_stream_of_nothing() -> None:
    assert without_comments("\ufeff: a\n: b\n\n {}") == "{}"
    assert assembled("data: nonsense\n\n") is None and assembled("data: {}\n\ndata: [DONE]\n\n") is None
    assert assembled('data: {"error": {"code": 429}}\n\n') == {"error": {"code": 429}}


@pytest.mark.parametrize("depth", [400, 2000])
def test_parts_of_parts_without_end_are_no_reply_and_no_fault(depth: int) -> None:
    deep: Any = "x"
    for _ in range(depth):
        deep = [deep]
    body = {"choices": [{"message": {"content": "x", "reasoning_details": deep}, "finish_reason": "stop"}]}
    with pytest.raises(Retryable, match="deeper than can be read") as raised:
        read_reply(AT, body | {"usage": {"completion_tokens": 5}})
    assert raised.value.reason == "malformed" and raised.value.usage == Usage(completion_tokens=5)


def test_a_key_that_a_server_gives_as_its_model_is_not_kept() -> None:
    body = choice({"content": "4"}, "stop") | {"model": f"m for {AT.key}"}
    message = {"content": [{"type": "text", "text": "4"}], "stop_reason": "end_turn", "model": f"m for {AT.key}"}
    assert read_reply(AT, body).model == read_message(AT, message).model == "m for ***"
