"""A server that is started anew with other weights under the same name: its answers are its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.chat.backends.served import card_of, servers
from rlkd_data.chat.store import request_key
from rlkd_data.config import ChatSettings
from rlkd_data.errors import InputError, ModelError
from rlkd_data.run.stage import run_stage
from rlkd_data.tables import read_rows
from rlkd_train.config import EvalSettings
from rlkd_train.evaluate.judge_eval import JUDGED
from rlkd_train.evaluate.samples import SAMPLES
from rlkd_train.stages import EVAL, JUDGE_EVAL
from tests.support.restarted import LISTED, serving
from tests.support.traces import made_trace, write_made_traces


def said(folder: Path, port: int, out: str, **more: Any) -> list[str]:
    """What the model's completions are, by an evaluation into `out`."""
    if not (folder / "traces").exists():
        write_made_traces(folder / "traces", [made_trace(1), made_trace(2)])
    settings = EvalSettings.model_validate(
        {"model": "openai:m", "base_url": f"http://127.0.0.1:{port}/v1", "data": [folder / "traces"]}
        | {"store": folder / "s.sqlite", "max_retries": 0, "concurrency": 1}
        | more
    )
    run_stage(EVAL, settings, folder / out)
    return [row.completion for row in read_rows(folder / out, SAMPLES)]


@pytest.mark.parametrize("root", ["/weights/a", None])
def test_a_server_with_other_weights_under_the_same_name_gives_its_own_answers(
    tmp_path: Path, root: str | None
) -> None:
    with serving("It is 10.", root=root) as (port, _):
        assert said(tmp_path, port, "before") == ["It is 10."] * 2
    with serving("It is 17.", port, root=root) as (_, asked):
        assert said(tmp_path, port, "after") == ["It is 17."] * 2 and len(asked) == 2
        assert said(tmp_path, port, "after") == ["It is 17."] * 2 and len(asked) == 2  # it is done
        assert said(tmp_path, port, "again", reuse=True, k=2) == ["It is 17."] * 4
        assert said(tmp_path, port, "taken", reuse=True) == ["It is 17."] * 2 and len(asked) == 6


def test_a_version_that_the_user_states_tells_models_apart_and_finds_them_again(tmp_path: Path) -> None:
    with serving("It is 10.") as (port, _):
        said(tmp_path, port, "a", model_version="step 100")
    with serving("It is 17.", port) as (_, asked):
        assert said(tmp_path, port, "b", model_version="step 200") == ["It is 17."] * 2 and len(asked) == 2
        assert said(tmp_path, port, "c", model_version="step 100") == ["It is 10."] * 2 and len(asked) == 2


def test_an_evaluation_that_was_stopped_goes_on_with_its_replies_and_with_no_other_model(tmp_path: Path) -> None:
    with serving("It is 10.", fails=True) as (port, asked), pytest.raises(ModelError):
        said(tmp_path, port, "out")
    with (
        serving("It is 17.", port, root="/weights/b") as _,
        pytest.raises(InputError, match=r"another model by now \(root '/weights/b', before '/weights/a'\)"),
    ):
        said(tmp_path, port, "out")
    with serving("It is 11.", port) as (_, asked):
        assert sorted(said(tmp_path, port, "out")) == ["It is 10.", "It is 11."] and len(asked) == 1


def test_what_a_server_says_of_itself_is_told(tmp_path: Path) -> None:
    with serving("It is 10.", print_="fp_1") as (port, _):
        said(tmp_path, port, "out", model_version="v1")
    figures = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert figures["model is"] == f"openai:m version v1, at http://127.0.0.1:{port}/v1 (root /weights/a)"
    assert figures["system fingerprint"] == "fp_1"
    assert {row.fingerprint for row in read_rows(tmp_path / "out", SAMPLES)} == {"fp_1"}


def test_a_judge_behind_a_name_is_asked_anew_too(tmp_path: Path) -> None:
    pair = {"a": "Add them.", "b": "Take the sum.", "problem": "1 + 1", "part": "meta", "match": True}
    (tmp_path / "pairs.jsonl").write_text(json.dumps(pair) + "\n")

    def verdicts(port: int, out: str) -> list[bool | None]:
        chosen = {"kind": "llm", "model": "openai:m", "base_url": f"http://127.0.0.1:{port}/v1"}
        settings = JUDGE_EVAL.settings.model_validate(
            {"pairs": [tmp_path / "pairs.jsonl"], "judge": chosen | {"store": tmp_path / "s.sqlite"}}
        )
        run_stage(JUDGE_EVAL, settings, tmp_path / out)
        return [row.match for row in read_rows(tmp_path / out, JUDGED)]

    with serving("yes") as (port, _):
        assert verdicts(port, "before") == [True]
    with serving("no", port):
        assert verdicts(port, "after") == [False]


def test_a_providers_own_names_and_local_models_are_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert servers("openai:gpt-4o", ChatSettings()) == [] == servers("local:m", ChatSettings(base_url="http://h/v1"))
    assert servers("openai:gpt-4o", ChatSettings(base_url="https://api.openai.com/v1/")) == []
    pool = ChatSettings(base_url="http://a/v1/ http://b/v1")
    assert servers("openai:m", pool) == ["http://a/v1", "http://b/v1"]
    monkeypatch.setenv("OPENAI_BASE_URL", "http://c/v1")
    assert servers("openai:m", ChatSettings()) == ["http://c/v1"]


def test_what_a_list_of_models_says_of_one_is_what_stays() -> None:
    adapter = LISTED | {"id": "lora", "root": "/adapters/1", "parent": "m", "created": 5}
    assert card_of("lora", {"data": [LISTED, adapter]}) == {
        "id": "lora", "owned_by": "vllm", "root": "/adapters/1", "parent": "m"
    }  # fmt: skip
    assert card_of("other", {"data": [LISTED]}) is None and card_of("m", {"data": "none"}) is None


def test_a_version_is_part_of_a_requests_name_and_is_not_sent() -> None:
    from rlkd_data.chat.backends.openai import OpenAIBackend
    from rlkd_data.chat.types import Message, Request

    request = Request((Message("user", "Hello"),))
    wires = [
        OpenAIBackend("m", ChatSettings(base_url="http://h/v1", model_version=version)).wire(request)
        for version in (None, "1", "2")
    ]
    assert len({request_key(wire, 0) for wire in wires}) == 3
    assert wires[0]["body"] == wires[1]["body"] and "model_version" not in wires[0]
