import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.chat.backends.vllm import engine_arguments, read_output
from rlkd_data.chat.open import open_client
from rlkd_data.config import ChatSettings
from rlkd_data.errors import InputError, MissingDependency


@dataclass
class Probability:
    decoded_token: str
    logprob: float


@dataclass
class Completion:
    text: str = "yes"
    token_ids: tuple[int, ...] = (7,)
    finish_reason: str | None = "stop"
    logprobs: list[dict[int, Probability]] | None = None


@dataclass
class Output:
    outputs: list[Completion]
    prompt_token_ids: list[int] = field(default_factory=lambda: [1, 2, 3])
    num_cached_tokens: int | None = None


def test_the_engine_s_answer_is_read() -> None:
    reply = read_output("vllm:m", Output([Completion()], num_cached_tokens=2))
    usage = reply.usage
    assert (reply.text, reply.finish_reason, reply.reasoning, reply.logprobs) == ("yes", "stop", None, ())
    assert (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens) == (3, 2, 1)


@pytest.mark.parametrize(("given", "finish"), [("length", "length"), ("abort", "other"), (None, "other")])
def test_the_engine_s_finish_reasons(given: str | None, finish: str) -> None:
    assert read_output("vllm:m", Output([Completion(finish_reason=given)])).finish_reason == finish


def test_log_probabilities_stand_as_in_the_protocol_likeliest_first() -> None:
    found = [{7: Probability("no", -2.0), 8: Probability("yes", -0.5)}]
    reply = read_output("vllm:m", Output([Completion(logprobs=found)]))
    assert reply.logprobs == (
        {
            "token": "no",
            "logprob": -2.0,
            "top_logprobs": [{"token": "yes", "logprob": -0.5}, {"token": "no", "logprob": -2.0}],
        },
    )


@pytest.mark.parametrize(
    ("text", "found"), [("", {}), ("  ", {}), ('{"max_model_len": 8192}', {"max_model_len": 8192})]
)
def test_engine_settings_are_a_json_object(text: str, found: dict[str, Any]) -> None:
    assert engine_arguments(text) == found


@pytest.mark.parametrize("text", ["max_model_len=8", "[1]", "3"])
def test_other_engine_settings_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match="max_model_len"):
        engine_arguments(text)


def test_without_vllm_the_package_to_install_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(MissingDependency, match=r"rlkd\[vllm\]"):
        open_client("vllm:x/y", ChatSettings(store=tmp_path / "s.sqlite"))


@pytest.mark.parametrize("says", ["raise RuntimeError('operator\\nx::nms is missing')", "import no_such_package"])
def test_a_vllm_that_is_broken_is_not_called_missing(
    says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "vllm.py").write_text(says)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "vllm", raising=False)
    with pytest.raises(InputError, match="installed but cannot be imported") as raised:
        open_client("vllm:x/y", ChatSettings(store=tmp_path / "s.sqlite"))
    assert "pip install" not in str(raised.value) and "\n" not in str(raised.value)
