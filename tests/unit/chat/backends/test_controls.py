import json
from datetime import date
from typing import Any

import pytest

from rlkd_data.chat.backends import anthropic, openai
from rlkd_data.chat.backends.controls import headers, recorded
from rlkd_data.chat.backends.failures import Endpoint
from rlkd_data.chat.backends.wants import sampling_of
from rlkd_data.chat.open import open_client
from rlkd_data.chat.store import request_key
from rlkd_data.chat.types import Message, Request
from rlkd_data.config import ChatSettings, CollectSettings
from rlkd_data.errors import InputError
from rlkd_data.run.fingerprint import settings_identity
from rlkd_data.run.pipeline import check_settings
from rlkd_data.schema import Sampling

URL = "http://127.0.0.1:1/v1"
ASKED = Request((Message("user", "p"),), Sampling(0.6, 0.95, 16384, 7, 0))
CONTROLS: dict[str, Any] = {
    "reasoning_effort": "high",
    "thinking_budget": 2000,
    "chat_template_kwargs": {"enable_thinking": True},
    "top_k": 20,
    "min_p": 0.1,
    "presence_penalty": 1.0,
    "frequency_penalty": 0.5,
    "extra_body": {"provider": {"order": ["x"]}},
}


def wire(backend: Any, **controls: Any) -> dict[str, Any]:
    made = backend("m", ChatSettings(base_url=URL, **controls))
    found: dict[str, Any] = made.wire(ASKED)
    return found


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_is_sent_and_changes_the_key_and_an_unset_one_does_neither(name: str) -> None:
    plain, told = wire(openai.OpenAIBackend), wire(openai.OpenAIBackend, **{name: CONTROLS[name]})
    more = CONTROLS[name] if name == "extra_body" else {name: CONTROLS[name]}
    assert told["body"] == plain["body"] | more and request_key(told, 0) != request_key(plain, 0)


def test_further_fields_go_over_all_others_and_null_takes_one_away() -> None:
    body = wire(openai.OpenAIBackend, extra_body={"temperature": None, "top_p": 0.5})["body"]
    assert "temperature" not in body and body["top_p"] == 0.5


def test_anthropic_thinks_in_its_own_words() -> None:
    body = wire(anthropic.AnthropicBackend, thinking_budget=2000, reasoning_effort="low", top_k=5)["body"]
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 2000} and body["output_config"] == {"effort": "low"}
    assert "temperature" not in body and "top_k" not in body
    with pytest.raises(InputError, match="--max-tokens"):
        wire(anthropic.AnthropicBackend, thinking_budget=16000)
    with pytest.raises(InputError, match="--min-p"):
        wire(anthropic.AnthropicBackend, min_p=0.1)


def test_what_a_backend_has_not_is_refused() -> None:
    with pytest.raises(InputError, match="--top-k"):
        open_client("local:smollm2-135m", ChatSettings(top_k=5))
    with pytest.raises(InputError, match="--engine"):
        open_client("openai:m", ChatSettings(base_url=URL, engine={"max_model_len": 8}))


def test_headers_come_from_the_environment_and_are_told_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORG", "very-secret")
    settings = ChatSettings(base_url=URL, extra_headers={"X-Org": "id ${ORG}"}, top_k=5)
    assert headers(settings) == {"X-Org": "id very-secret"}
    assert "secret" not in repr(settings) + settings.model_dump_json() + str(recorded(settings)) + str(
        settings_identity(settings)
    )
    assert "very" not in Endpoint("m", URL, "K", "k", {"X-Org": "id very-secret"}).hide("what is id very-secret?")
    for wrong in ({"X": "${NOT_SET_ANYWHERE}"}, {"X": "a\nb"}, {"X Y": "a"}):
        with pytest.raises(InputError, match="--extra-headers"):
            headers(ChatSettings(extra_headers=wrong))


def test_unset_controls_are_no_part_of_a_stages_fingerprint() -> None:
    unset = settings_identity(CollectSettings(source="s"))
    assert not {*CONTROLS, "extra_headers", "engine", "prompt_file", "system_prompt"} & unset.keys()
    assert settings_identity(CollectSettings(source="s", top_k=5))["top_k"] == 5


def test_rows_tell_the_controls() -> None:
    assert recorded(ChatSettings()) is None
    assert json.loads(recorded(ChatSettings(**CONTROLS)) or "") == CONTROLS


@pytest.mark.parametrize(
    ("backend", "body", "told"),
    [
        (openai.OpenAIBackend, {"drop": "reasoning_effort"}, {"top_k": 5, "extra_body": {"a": 1, "top_p": None}}),
        (openai.OpenAIBackend, {"drop": "a"}, {"reasoning_effort": "high", "top_k": 5, "extra_body": {"top_p": None}}),
        (anthropic.AnthropicBackend, {"drop": "output_config"}, {"top_k": 5, "extra_body": {"a": 1, "top_p": None}}),
        (anthropic.AnthropicBackend, {"drop": ""}, None),
    ],
)
def test_rows_tell_no_control_that_was_not_sent(
    backend: Any, body: dict[str, str], told: dict[str, Any] | None
) -> None:
    controls: dict[str, Any] = {"reasoning_effort": "high", "top_k": 5, "extra_body": {"a": 1, "top_p": None}}
    sent = set(wire(backend, **controls)["body"]) - {body["drop"]}
    assert json.loads(recorded(ChatSettings(**controls), sent) or "") == (told or controls)


@pytest.mark.parametrize(
    "wrong",
    [
        {"extra_body": {"x": float("nan")}},
        {"extra_body": {"user": "\ud800"}},
        {"extra_body": {"when": date(2026, 1, 1)}},
        {"chat_template_kwargs": {"x": [float("inf")]}},
        {"reasoning_effort": "\udc80"},
    ],
)
def test_what_no_request_can_hold_is_refused_on_loading(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=rf"^here: {next(iter(wrong))}: "):
        check_settings(ChatSettings, wrong, "here")


@pytest.mark.parametrize(
    "wrong", [{"temperature": "inf"}, {"temperature": float("nan")}, {"seed": 1 << 64}, {"max_tokens": 1 << 64}]
)
def test_sampling_that_cannot_be_sent_or_kept_is_refused_on_loading(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=rf"^here: sampling.{next(iter(wrong))}: "):
        check_settings(CollectSettings, {"source": "s", "sampling": wrong}, "here")


def test_sampling_of_a_body_is_what_a_table_can_hold() -> None:
    body = {"temperature": "hot", "top_p": 1, "max_tokens": True, "seed": 1 << 64}
    assert sampling_of(body, Sampling(sample_index=3)) == Sampling(None, 1, None, None, 3)
