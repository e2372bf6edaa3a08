"""rescore: a real GRPO run's completions under another reward, with nothing asked that the run had asked."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from rlkd_data.tables import read_rows
from rlkd_train.reward.completions import COMPLETIONS, ScoredCompletion
from rlkd_train.reward.rescore import compare
from tests.support.cli import run as command
from tests.support.grpo_run import make_run, start_run
from tests.support.servers import running_openai_server


def rescore(run: Path, config: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return command("rlkd-train", "rescore", run, "--config", config, *more)


def test_a_run_is_rescored_without_generating_and_without_asking_again(tmp_path: Path) -> None:
    with (
        running_openai_server(reply_function="tests.support.grpo_run:decompose") as gsrm,
        running_openai_server(reply_function="tests.support.grpo_run:say_yes_or_no") as judge,
    ):
        config = make_run(tmp_path, gsrm.base_url, judge.base_url)
        run = tmp_path / "run"
        started = start_run(config, run)
        assert started.wait() == 0, started.printed("err")
        asked = gsrm.stats()["total"], judge.stats()["total"]
        assert asked[0] > 0

        same = rescore(run, config, "--out", str(tmp_path / "same"))
        assert same.returncode == 0, same.stderr
        assert (gsrm.stats()["total"], judge.stats()["total"]) == asked
        before = list(read_rows(run / "completions", COMPLETIONS))
        assert list(read_rows(tmp_path / "same" / "completions", COMPLETIONS)) == before and len(before) == 32

        other = tmp_path / "other.yaml"
        # the GSRM of these tests answers "so" each time, which a guard takes something for
        settings = {
            "weights": {"alpha": 1.0},
            "structure": {"normalise": "sum"},
            "guards": {"said_twice": {"action": "log"}},
        }
        other.write_text(json.dumps(settings), encoding="utf-8")
        changed = rescore(run, other)
        assert changed.returncode == 0, changed.stderr
        assert (gsrm.stats()["total"], judge.stats()["total"]) == asked
    after = list(read_rows(tmp_path / "run-rescored" / "completions", COMPLETIONS))
    for old, new in zip(before, after, strict=True):
        assert old.structure is not None and new.structure == pytest.approx(2 * old.structure)  # the teachers have 2
        assert new.total == pytest.approx(new.structure + 0.1 * (new.format or 0.0))
    record = json.loads((tmp_path / "run-rescored" / "stage.json").read_text("utf-8"))
    assert record["result"]["figures"]["structure, rank correlation"] in (None, pytest.approx(1.0))
    assert "groups with another winner" in changed.stderr


def test_a_folder_without_completions_is_refused_in_one_line(tmp_path: Path) -> None:
    config = tmp_path / "other.yaml"
    config.write_text("{}", encoding="utf-8")
    refused = rescore(tmp_path, config)
    assert refused.returncode == 2
    assert refused.stderr.strip() == f"error: {tmp_path} holds no completions/ table: give the folder of a GRPO run"


def row(problem: str, total: float | None) -> ScoredCompletion:
    return ScoredCompletion(
        step=1,
        problem_id=problem,
        problem="",
        completion="",
        structure=total,
        accuracy=None,
        format=None,
        unscored="gsrm:timeout" if total is None else None,
        n_steps=0,
        gate_at=None,
        teacher=None,
        total=total,
    )


def test_the_comparison_counts_winners_and_what_both_have_scored() -> None:
    before = [row("a", 1.0), row("a", 0.0), row("b", 1.0), row("b", 1.0), row("c", None), row("c", 1.0)]
    after = [row("a", 0.0), row("a", 0.5), row("b", 0.2), row("b", 0.4), row("c", 1.0), row("c", 1.0)]
    found = compare(before, after)
    assert (found["groups"], found["groups with another winner"]) == (2, 1)  # of b, one of the two first still wins
    assert (found["unscored, before"], found["unscored, now"]) == (1, 0)
    assert found["structure, before"] == pytest.approx(0.8) and found["structure, now"] == pytest.approx(0.42)
    same = compare(before, [replace(one) for one in before])
    assert same["total, rank correlation"] == pytest.approx(1.0) and same["groups with another winner"] == 0
