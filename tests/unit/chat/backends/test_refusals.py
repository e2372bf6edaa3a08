import json
from typing import Any

import pytest

from rlkd_data.chat.backends.refusals import blames_length, refusal, room
from rlkd_data.chat.backends.wants import Wants, sampling_of
from rlkd_data.chat.types import Adapted, Misused, Rejected
from rlkd_data.schema import Sampling

SENT = ["model", "messages", "temperature", "top_p", "max_tokens", "seed", "stop", "top_k"]
PYDANTIC = {"type": "extra_forbidden", "msg": "Extra inputs are not permitted", "input": 0}


def told(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message} | more}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (told("'temperature' does not support 0.6 with this model. Only the default (1) value."), ["temperature"]),
        (told("`top_k` is deprecated for this model."), ["top_k"]),
        (told("not supported", param="top_p", code="unsupported_parameter"), ["top_p"]),
        ({"detail": [PYDANTIC | {"loc": ["body", "seed"]}, PYDANTIC | {"loc": ["body", "top_k"]}]}, ["seed", "top_k"]),
        ({"object": "error", "message": {"detail": [PYDANTIC | {"loc": ["body", "seed"]}]}}, ["seed"]),
        ([told('Invalid JSON payload received. Unknown name "seed": Cannot find field.')], ["seed"]),
        (told("Unrecognized request argument supplied: top_k", param=None), ["top_k"]),
        (told("`temperature` and `top_p` cannot both be specified for this model."), ["top_p"]),
        (told("This model doesn't support the stop parameter"), ["stop"]),
        (told("seed: Extra inputs are not permitted"), ["seed"]),
        ("property 'top_k' is unsupported", ["top_k"]),
        # about something else
        (told("temperature must be below 2", param="temperature"), None),
        (told("The model does not support stop of time"), None),
        (told("This model is not available in your country"), None),
        (told("'logprobs' is not supported"), None),
        (told("'response_format' of type json_schema is not supported"), None),
        ("[" * 100_000, None),
    ],
)
def test_which_fields_a_refusal_is_about(body: Any, fields: list[str] | None) -> None:
    found = refusal(body if isinstance(body, str) else json.dumps(body), [*SENT, "logprobs", "response_format"])
    assert (found and list(found.fields)) == fields


@pytest.mark.parametrize(
    ("said", "tokens", "always"),
    [
        ("'max_tokens' is too large: 16384. This model's maximum context length is 8192 tokens and your request has "
         "192 input tokens (16384 > 8192 - 192).", 8000, False),
        ("This model's maximum context length is 8192 tokens. However, you requested 16600 tokens (216 in the "
         "messages, 16384 in the completion).", 7976, False),
        ("This endpoint's maximum context length is 8192 tokens. However, you requested about 16600 tokens (216 of "
         "text input, 16384 in the output).", 7976, False),
        ("Requested token count exceeds the model's maximum context length of 8192 tokens. You requested a total of "
         "16600 tokens: 216 tokens from the input messages and 16384 tokens for the completion.", 7976, False),
        ("input length and `max_tokens` exceed context limit: 188240 + 16384 > 200000, decrease input length", 11760,
         False),
        ("`inputs` tokens + `max_new_tokens` must be <= 8193. Given: 200 `inputs` tokens and 16384 `max_new_tokens`",
         7993, False),
        ("maximum context length is 20000 tokens. However, you requested 16384 output tokens and your prompt contains "
         "at least 3617 input tokens, for a total of at least 20001 tokens.", 10000, False),
        ("max_tokens: 16384 > 8192, which is the maximum allowed number of output tokens for some-model", 8192, True),
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 8192, True),
        ("`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the "
         "`context_window`", 8192, True),
        ("max_tokens is too large: 16384. This model supports at most 4096 completion tokens.", 4096, True),
        ("max_tokens must be between 1 and 8,192", 8192, True),
        ("Request too large for model `m` on tokens per minute (TPM): Limit 12000, Requested 16600, please reduce "
         "max_tokens", 11784, False),
        # the prompt is the matter
        ("on tokens per minute (TPM): Limit 6000, Requested 22284; max_tokens too large", 0, False),
        ("maximum context length is 8192 tokens, your request has 8100 input tokens, max_tokens 16384", 0, False),
    ],
)  # fmt: skip
def test_how_long_a_reply_a_server_would_write(said: str, tokens: int, always: bool) -> None:
    found = room(said, 16384)
    assert found is not None and (found.tokens, found.always) == (tokens, always) and blames_length(said)


@pytest.mark.parametrize(
    "said", ["This model's maximum context length is 8192 tokens. However, your messages resulted in 9000", "too many"]
)
def test_a_prompt_that_is_too_long_is_no_matter_of_the_reply(said: str) -> None:
    assert room(said, 16384) is None


def test_what_was_used_before_is_no_matter_of_the_reply() -> None:
    assert room("on tokens per minute (TPM): Limit 6000, Used 5900, Requested 800", 512) is None


def refused(body: Any, reason: str = "bad_request") -> Rejected:
    text = body if isinstance(body, str) else json.dumps(body)
    return Rejected(f"m at u answered 400: {text}", reason=reason, body=text)


def test_what_was_learned_is_applied_and_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    wants, sent = Wants("m at u"), {"max_tokens": 9, "temperature": 0.5, "seed": 1}
    renamed = refused(told("'max_tokens' is not supported. Use 'max_completion_tokens' instead.", param="max_tokens"))
    assert isinstance(wants.lesson(renamed, sent), Adapted)
    assert isinstance(wants.lesson(renamed, sent), Adapted)  # of another request that was in flight
    assert isinstance(wants.lesson(refused(told("seed is not supported")), wants.apply(sent)), Adapted)
    assert wants.apply(sent) == {"max_completion_tokens": 9, "temperature": 0.5}
    assert sampling_of(wants.apply(sent), Sampling(sample_index=4)) == Sampling(0.5, None, 9, None, 4)
    assert [line.count("takes no") for line in capsys.readouterr().err.splitlines()] == [1, 1]


def test_a_length_under_no_name_is_left_out_and_never_renamed_in_a_circle() -> None:
    wants, sent = Wants("m at u"), {"max_tokens": 9}
    for name in ("max_tokens", "max_completion_tokens"):
        assert isinstance(wants.lesson(refused(told(f"{name}: not permitted")), wants.apply(sent)), Adapted)
    assert wants.apply(sent) == {}
    needed = Wants("m at u", needed=("max_tokens",))
    body = {"max_tokens": 9, "max_completion_tokens": 9}
    assert isinstance(needed.lesson(refused(told("max_tokens: not permitted")), body), Rejected)


def test_a_length_that_is_refused_without_a_number_is_a_setting_s_fault() -> None:
    found = Wants("m").lesson(refused(told("max_tokens is too large for this deployment")), {"max_tokens": 9})
    assert isinstance(found, Misused) and found.exit_code == 2 and "--max-tokens" in str(found)


def test_a_refusal_that_teaches_nothing_is_itself() -> None:
    about = refused(told("messages must not be empty"))
    assert Wants("m").lesson(about, {"max_tokens": 9}) is about
