"""A GSRM, an annotator or a judge that is started anew with other weights under the same name: its word is its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.chat.backends.served import is_near
from rlkd_data.errors import InputError
from rlkd_data.run.stage import run_stage
from rlkd_data.run.stages import DECOMPOSE, SCORE
from rlkd_data.schema import DECOMPOSITIONS
from rlkd_data.tables import read_rows
from rlkd_train.config import StructureSettings
from rlkd_train.reward.structure import StructureReward
from rlkd_train.served import scoring_apart
from tests.support.restarted import serving
from tests.support.scoring_fakes import decomposition
from tests.support.traces import made_trace, write_made_traces


@pytest.fixture(autouse=True)
def _keyless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")


def chat(folder: Path, port: int) -> dict[str, Any]:
    return {"base_url": f"http://127.0.0.1:{port}/v1", "store": folder / "s.sqlite", "max_retries": 0}


def steps(word: str) -> str:
    return f"[Meta-reasoning 1]: {word} thinks\n[Sub-problem 1]: {word} asks\n[Answer 1]: {word} says"


def decomposed(folder: Path, port: int, out: str, **more: Any) -> set[str]:
    """What the annotator's sub-problems are, rejected ones too."""
    if not (folder / "traces").exists():
        write_made_traces(folder / "traces", [made_trace(1), made_trace(2)])
    given = {"traces": [folder / "traces"], "annotator": "openai:m", "repairs": 0, "reject": []}
    run_stage(DECOMPOSE, DECOMPOSE.settings.model_validate(given | chat(folder, port) | more), folder / out)
    return {step.sub_problem for row in read_rows(folder / out, DECOMPOSITIONS) for step in row.steps}


@pytest.mark.parametrize("root", ["/weights/a", None])
def test_an_annotator_with_other_weights_under_its_name_is_asked_anew(tmp_path: Path, root: str | None) -> None:
    with serving(steps("alpha"), root=root) as (port, _):
        assert decomposed(tmp_path, port, "before") == {"alpha asks"}
    with serving(steps("beta"), port, root=root) as (_, asked):
        assert decomposed(tmp_path, port, "after") == {"beta asks"} and len(asked) == 2
        assert decomposed(tmp_path, port, "before") == {"alpha asks"} and len(asked) == 2  # it is done
        assert decomposed(tmp_path, port, "v", model_version="1") == {"beta asks"} and len(asked) == 4
        assert decomposed(tmp_path, port, "w", model_version="1") == {"beta asks"} and len(asked) == 4
    told = json.loads((tmp_path / "after" / "stage.json").read_text())["result"]["figures"]
    assert told["annotator is"].startswith("openai:m ") and ("root /weights/a" in told["annotator is"]) == (
        root is not None
    )


def test_what_was_stored_before_is_found_where_nobody_is_there_who_could_be_another(tmp_path: Path) -> None:
    with serving(steps("alpha")) as (port, _):
        decomposed(tmp_path, port, "before", reuse=True)  # as all replies were stored once
    assert decomposed(tmp_path, port, "again") == {"alpha asks"}


def test_a_judge_with_other_weights_under_its_name_is_asked_anew(tmp_path: Path) -> None:
    gold = {
        "id": "1",
        "problem": made_trace(1).problem,
        "answer": "9",
        "steps": [{"question": "What does alpha say?", "answer": "alpha says"}],
    }
    (tmp_path / "gold.jsonl").write_text(json.dumps(gold) + "\n")
    with serving(steps("alpha")) as (port, _):
        decomposed(tmp_path, port, "steps")

    def f1(port: int, out: str) -> float:
        judge = {"kind": "llm", "model": "openai:judge"} | chat(tmp_path, port)
        given = {"decompositions": tmp_path / "steps", "gold": tmp_path / "gold.jsonl", "judge": judge}
        return float(run_stage(SCORE, SCORE.settings.model_validate(given), tmp_path / out)[0].figures["step F1"])

    with serving("yes") as (port, _):
        assert f1(port, "before") == 1.0
    with serving("no", port):
        assert f1(port, "after") == 0.0


def scores(settings: StructureSettings) -> list[float | None]:
    with StructureReward(settings, {"p": [decomposition("t", "p", ["mqa"])]}) as reward:
        return [one.score for one in reward.score_texts(["p"], ["So it is 7, for 3 + 4 = 7."])]


def test_a_gsrm_that_scores_for_a_run_is_asked_anew_for_another_and_for_the_same_run_once(tmp_path: Path) -> None:
    def settings(port: int) -> StructureSettings:
        return StructureSettings.model_validate({"gsrm": "openai:m", "judge": {"kind": "equal"}} | chat(tmp_path, port))

    same = "[Meta-reasoning 1]: plan\n[Sub-problem 1]: mqa asks\n[Answer 1]: 7"
    with serving(same) as (port, asked):
        chosen = settings(port)
        run = scoring_apart(chosen, tmp_path / "run")
        first = scores(run)
        assert len(asked) == 1 and scores(scoring_apart(chosen, tmp_path / "run")) == first and len(asked) == 1
        again = scoring_apart(chosen, tmp_path / "rescored", like=tmp_path / "run")
        assert scores(again) == first and len(asked) == 1
        one, two = (scoring_apart(chosen, None) for _ in range(2))  # a reward server, started twice
        assert one.model_version and one.model_version != two.model_version
    with serving(steps("beta"), port) as (_, asked):
        scores(scoring_apart(chosen, tmp_path / "other"))
        assert len(asked) == 1
    with serving(steps("beta"), port, root="/weights/b") as (_, asked):
        scores(scoring_apart(chosen, tmp_path / "late", like=tmp_path / "run"))
        assert len(asked) == 1
        with pytest.raises(InputError, match=r"openai:m at .* is another model by now \(root '/weights/b'"):
            scoring_apart(chosen, tmp_path / "run")


@pytest.mark.parametrize(
    ("url", "near"),
    [
        *((f"http://{host}/v1", True) for host in ("localhost:8000", "127.0.0.1", "[::1]:8000", "10.1.2.3", "gpu3")),
        *((f"http://{host}/v1", True) for host in ("node1.cluster.local", "192.168.0.7:80", "gsrm.lab.internal")),
        *((f"https://{host}/v1", False) for host in ("api.deepseek.com", "openrouter.ai", "8.8.8.8")),
    ],
)
def test_a_gateway_is_told_from_a_server_of_ones_own(url: str, near: bool) -> None:
    assert is_near(url) == near
