"""The structure reward against a real server: what is asked, and what is never asked twice."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from rlkd_train.config import StructureSettings
from rlkd_train.reward.structure import StructureReward
from tests.support.scoring_fakes import decomposition
from tests.support.servers import running_openai_server

TEACHERS = {"p1": [decomposition("t1", "p1", ["mqa", "mqb", "mqc"]), decomposition("t2", "p1", ["xqa"])]}


def answer(body: dict[str, Any]) -> dict[str, str]:
    """A server that is GSRM and judge at once: two steps for a completion, yes to every pair."""
    asked = body["messages"][-1]["content"]
    if "Reasoning:" in asked:
        word = asked.split()[-1]
        steps = "\n\n".join(
            f"[Meta-reasoning {i}]: {word} thinks\n[Sub-problem {i}]: {word} asks\n[Answer {i}]: {word} says"
            for i in (1, 2)
        )
        return {"text": steps}
    if "JSON object" in asked:
        pairs = asked.count("\nPair ")
        return {"text": "{" + ", ".join(f'"{i}": "yes"' for i in range(1, pairs + 1)) + "}"}
    return {"text": "yes"}


def settings(url: str, folder: Path, kind: str) -> StructureSettings:
    chat = {"base_url": url, "store": folder / "store.sqlite"}
    judge = {"kind": kind, "model": "openai:judge", **chat}
    return StructureSettings.model_validate({"gsrm": "openai:gsrm", "judge": judge, **chat})


@pytest.mark.parametrize(("kind", "requests"), [("llm", 3 + 3 * 5), ("llm-batched", 3 + 3 * 2)])
def test_equal_requests_of_a_batch_and_of_later_steps_are_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, requests: int
) -> None:
    """Three distinct texts, each twice, against teachers of three steps and of one. Two steps and one are compared, so
    there are 9 pairs a text; 5 of them differ. Batched, it is a request for each teacher."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    texts = ["alpha", "beta", "gamma"] * 2
    with running_openai_server(reply_function="tests.integration.test_structure_reward:answer", latency=0.05) as server:
        chosen = settings(server.base_url, tmp_path, kind)
        with StructureReward(chosen, TEACHERS) as reward:
            first = reward.score_texts(["p1"] * 6, texts)
            assert server.stats()["total"] == server.stats()["unique"] == requests
            assert [one.score for one in first] == [1.0] * 6  # the teacher of one step is matched whole
            assert {one.winner for one in first} == {"t2"}
            assert reward.score_texts(["p1"] * 6, texts) == first
            usage = reward.usage()
        with StructureReward(chosen, TEACHERS) as another:  # the next run
            assert another.score_texts(["p1"] * 6, texts) == first
        assert server.stats()["total"] == requests
    assert usage["gsrm"].asked == 3 and usage["judge"].asked == requests - 3


def test_all_completions_are_at_work_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with running_openai_server(reply_function="tests.integration.test_structure_reward:answer", latency=0.2) as server:
        with StructureReward(settings(server.base_url, tmp_path, "llm"), TEACHERS) as reward:
            reward.score_texts(["p1"] * 12, [f"text{number}" for number in range(12)])
        assert server.stats()["most_at_once"] >= 12


def long_enough(completions: list[str], **_: Any) -> list[float]:
    return [float(len(one)) for one in completions]


def test_it_and_what_stands_beside_it_are_sent_to_another_process_as_asyncgrpo_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with running_openai_server(reply_function="tests.integration.test_structure_reward:answer") as server:
        with StructureReward(settings(server.base_url, tmp_path, "llm"), TEACHERS) as reward:
            scores = reward(["alpha", "beta"], ["p1", "nobody"])
            sent = pickle.dumps(reward.alongside(long_enough))
        structure, other = pickle.loads(sent)
        with structure:
            assert (structure.__name__, other.__name__) == ("structure", "long_enough")
            assert structure(["alpha", "beta"], ["p1", "nobody"]) == scores == [1.0, None]
            assert other(["alpha", "beta"], ["p1", "nobody"]) == [5.0, None]
