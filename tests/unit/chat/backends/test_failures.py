import json

import pytest

from rlkd_data.chat.backends.failures import Endpoint, endpoint, failure, load_object
from rlkd_data.chat.types import Hopeless, Rejected, Retryable
from rlkd_data.errors import InputError

KEY = "sk-very-secret-0123456789"
AT = Endpoint("openai:m", "http://127.0.0.1:1/v1", "OPENAI_API_KEY", KEY)


def body(message: str, code: str = "x") -> str:
    return json.dumps({"error": {"message": message, "type": code, "code": code}})


def repeating(problem: str) -> str:
    """An error as FastAPI makes it, that holds the request."""
    found = [{"type": "value_error", "loc": ("body",), "msg": "bad", "input": {"messages": [{"content": problem}]}}]
    return body(str(found))


def tokens_a_minute(numbers: str) -> str:
    said = "Request too large for model `m` in organization `org_1` service tier `on_demand` on tokens per minute (TPM)"
    return body(f"{said}{numbers}, please reduce your message size and try again.", "rate_limit_exceeded")


MODERATED = json.dumps(
    {
        "error": {
            "code": 403,
            "message": "Your chosen model requires moderation and your input was flagged",
            "metadata": {"reasons": ["violence"], "flagged_input": "x", "provider_name": "OpenAI"},
        }
    }
)


@pytest.mark.parametrize(
    ("status", "said", "kind", "reason"),
    [
        (408, body("slow"), Retryable, "timeout"),
        (409, body("conflict"), Retryable, "server_error"),
        (429, body("too many"), Retryable, "rate_limited"),
        (500, "<html>oops</html>", Retryable, "server_error"),
        (503, "", Retryable, "overloaded"),
        (529, body("overloaded", "overloaded_error"), Retryable, "overloaded"),
        (401, body("bad key"), Hopeless, "hopeless"),
        (403, body("not yours"), Hopeless, "hopeless"),
        (402, body("pay"), Hopeless, "hopeless"),
        (404, body("The model `m` does not exist", "model_not_found"), Hopeless, "hopeless"),
        (404, "404 page not found", Hopeless, "hopeless"),
        (429, body("You exceeded your current quota", "insufficient_quota"), Hopeless, "hopeless"),
        (400, body("Your credit balance is too low"), Hopeless, "hopeless"),
        (400, body("The model `m` does not exist."), Hopeless, "hopeless"),
        (400, body("temperature must be below 2"), Rejected, "bad_request"),
        (400, body("This model's maximum context length is 8 tokens"), Rejected, "too_long"),
        (400, body("prompt is too long: 9 tokens > 8 maximum"), Rejected, "too_long"),
        (400, body("blocked", "content_policy_violation"), Rejected, "content_filter"),
        (413, "", Rejected, "too_long"),
        (403, MODERATED, Rejected, "content_filter"),
        (400, repeating("Show that such a model does not exist"), Rejected, "bad_request"),
        (400, repeating("A bank refuses for insufficient funds"), Rejected, "bad_request"),
        (400, repeating("My input was flagged"), Rejected, "bad_request"),
        (400, json.dumps({"error": {"message": "bad", "input": "unknown model"}}), Rejected, "bad_request"),
        (400, json.dumps({"error": {"message": "no", "code": "model_not_found"}}), Hopeless, "hopeless"),
        (422, json.dumps({"detail": [{"msg": "wrong type"}]}), Rejected, "bad_request"),
        (403, body("Input flagged"), Rejected, "content_filter"),  # OpenRouter's moderation: the prompt's own
        (400, body("Your prompt was flagged", "invalid_prompt"), Rejected, "content_filter"),
        (400, body("Input data may be bad", "data_inspection_failed"), Rejected, "content_filter"),
        (400, body("the request exceeds the available context size"), Rejected, "too_long"),
        (400, body("API key not valid. Please pass a valid API key."), Hopeless, "hopeless"),
        (400, body("Incorrect API key provided: xx."), Hopeless, "hopeless"),
        (400, body("Too many requests, please wait", "ThrottlingException"), Retryable, "rate_limited"),
        (429, body("Your account o is suspended, check your billing"), Hopeless, "hopeless"),
        (429, body("Your account is in arrears, please recharge"), Hopeless, "hopeless"),
        (498, body("Flex tier capacity exceeded"), Retryable, "overloaded"),
        (413, tokens_a_minute(""), Retryable, "rate_limited"),  # Groq's
        (413, tokens_a_minute(": Limit 6000, Used 5900, Requested 800"), Retryable, "rate_limited"),
        (413, tokens_a_minute(": Limit 6000, Requested 8115"), Rejected, "too_long"),  # never passes
        (429, body("Too large on tokens per min (TPM): Limit 30000, Requested 34200."), Rejected, "too_long"),  # OpenAI
        (
            429,
            body("Limit on tokens per min (TPM): Limit 30000, Used 30000, Requested 342."),
            Retryable,
            "rate_limited",
        ),
        (400, json.dumps({"error": "Model unloaded."}), Retryable, "server_error"),  # LM Studio
        (404, json.dumps({"error": "The model has been unloaded"}), Retryable, "server_error"),
        (
            400,
            json.dumps({"error": "The model has crashed without additional information."}),
            Retryable,
            "server_error",
        ),
        (400, body("Model is still loading, try again"), Retryable, "server_error"),
        (404, body("No models loaded. Please load one."), Hopeless, "hopeless"),
        (403, body("This account has been flagged for abuse"), Hopeless, "hopeless"),
        (400, body("Your organization was banned for violating our usage policies"), Hopeless, "hopeless"),
        (400, body("top_k in your request was flagged as deprecated"), Rejected, "bad_request"),
        (400, body("seed is flagged by this deployment"), Rejected, "bad_request"),
        (400, body("Your request has been flagged for possible risk"), Rejected, "content_filter"),
        (499, body("The operation was cancelled."), Retryable, "overloaded"),
    ],
)
def test_a_status_says_whether_asking_again_helps(status: int, said: str, kind: type, reason: str) -> None:
    found = failure(AT, status, {}, said)
    assert type(found) is kind and found.reason == reason
    assert "\n" not in str(found) and "openai:m" in str(found)


def test_hopeless_names_what_to_change() -> None:
    assert "OPENAI_API_KEY" in str(failure(AT, 401, {}, body("no")))
    assert "model's name" in str(failure(AT, 404, {}, body("no")))


def test_the_time_that_a_server_names_reaches_the_scheduler() -> None:
    found = failure(AT, 429, {"retry-after": "12"}, body("wait"))
    assert isinstance(found, Retryable) and found.retry_after == 12.0


@pytest.mark.parametrize("said", [f"bad key {KEY}", body(f"bad key {KEY}"), body("bad key sk-very-*********6789")])
def test_a_key_that_the_server_repeats_is_not_shown(said: str) -> None:
    shown = str(failure(AT, 401, {}, said)) + repr(AT)
    assert KEY not in shown and "6789" not in shown


@pytest.mark.parametrize("said", ["X-Gate: hunter2-hunter2 is wrong", "wrong credential opensesame1"])
def test_headers_of_the_environment_are_not_shown(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("SOME_CUSTOM_HEADERS", "X-Gate: hunter2-hunter2\nX-Auth: Bearer opensesame1")
    shown = str(failure(found("http://127.0.0.1:1/v1"), 400, {}, body(said)))
    assert "hunter2" not in shown and "opensesame" not in shown and "***" in shown


def test_long_and_many_lined_bodies_become_one_short_line() -> None:
    assert len(str(failure(AT, 500, {}, "line\n" * 5000))) < 500


@pytest.mark.parametrize("text", ["", "<html>", '{"choices": [{"mess', "[1]", '"text"'])
def test_a_body_that_is_no_json_object_may_pass(text: str) -> None:
    with pytest.raises(Retryable) as raised:
        load_object(AT, text)
    assert raised.value.reason == "malformed"


def found(base_url: str | None) -> Endpoint:
    return endpoint("openai:m", base_url, default="https://a.example/v1", variable="SOME_KEY", url_variable="SOME_URL")


def test_the_provider_s_own_server_needs_a_key_and_another_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_KEY", raising=False)
    monkeypatch.delenv("SOME_URL", raising=False)
    with pytest.raises(InputError, match="SOME_KEY"):
        found(None)
    assert found("http://127.0.0.1:8000/v1/").base_url == "http://127.0.0.1:8000/v1"
    monkeypatch.setenv("SOME_KEY", KEY)
    assert found(None).key == KEY


def test_the_settings_come_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_URL", "http://127.0.0.1:7/v1")
    assert found(None).base_url == "http://127.0.0.1:7/v1"
    assert found("http://127.0.0.1:8/v1").base_url == "http://127.0.0.1:8/v1"


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8000",
        "ftp://a.example",
        "http://",
        "http://me:secret@a.example/v1",
        "http://a.example/?key=1",
        "http://mü..de/v1",
        f"http://{'a' * 70}/v1",
        f"http://{'ü' * 70}.de/v1",
        f"http://{'a.' * 127}de",
        "http://a..b/v1",
        "http://a/v1\x01",
        "http://a/v1/\udc80",
    ],
)
def test_a_base_url_that_cannot_work_or_holds_a_secret_is_refused(url: str) -> None:
    with pytest.raises(InputError, match=r"base URL"):
        found(url)


def test_a_refused_base_url_does_not_show_its_password() -> None:
    with pytest.raises(InputError) as raised:
        found("http://me:secret@a.example/v1")
    assert "secret" not in str(raised.value)


def test_a_key_with_a_line_break_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "secret\nX-Other: 1")
    with pytest.raises(InputError, match="SOME_KEY") as raised:
        found(None)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["http://müller.de/v1", "http://[::1]:8000/v1", "http://a_b.example./v1", "http://a:80"]
)
def test_a_base_url_may_have_any_name_that_can_be_looked_up(url: str) -> None:
    assert found(url).base_url == url


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CUSTOM_HEADERS", "X-Name: 日本"),
        ("CUSTOM_HEADERS", "X-A: 1\nX Name: a"),
        ("ORG_ID", "örg"),
        ("PROJECT_ID", "a\nb"),
    ],
)
def test_the_environment_s_headers_are_refused_before_a_request_where_they_cannot_be_sent(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"SOME_{name}", "X-Good: fine\n" if name == "CUSTOM_HEADERS" else "org-1\n")
    monkeypatch.setenv("SOME_API_KEY", KEY)
    ask = {"default": "https://a.example/v1", "variable": "SOME_API_KEY", "url_variable": "SOME_URL"}
    assert endpoint("openai:m", None, **ask).key == KEY
    monkeypatch.setenv(f"SOME_{name}", value)
    with pytest.raises(InputError, match=f"^SOME_{name} holds characters that no header has") as raised:
        endpoint("openai:m", None, **ask)
    assert value not in str(raised.value)
