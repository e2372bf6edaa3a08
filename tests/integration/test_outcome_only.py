"""RL with the outcome alone: no GSRM, no judge and no teacher, one's own rewards, and problems drawn again where a
group teaches nothing. Whole runs of a tiny model, in this process."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rlkd_data.errors import InputError
from tests.support.outcome_run import REWARDS, drawn, log, make_tables, train


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tables(tmp_path_factory.mktemp("tables"))


@pytest.fixture(autouse=True)
def rewards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "letters_reward.py").write_text(REWARDS)
    monkeypatch.chdir(tmp_path)


def test_nobody_is_asked_and_the_students_own_rewards_train_it(tables: Path, tmp_path: Path) -> None:
    keys = {"loss_type": "dr_grpo", "num_iterations": 2, "steps_per_generation": 4, "top_k": 40}
    figures = train(tables, tmp_path / "out", steps=4, weights={"structure": 0, "overlong": 0.5}, trl=keys)
    rows = drawn(tmp_path / "out")
    assert {row.step for row in rows} == {1}  # two steps' completions at a time, each learned from twice
    assert len(rows) == 16
    assert all(row.unscored is None and row.structure is None and row.teacher is None for row in rows)
    assert all(row.tokens is not None and 0 < row.tokens <= 12 for row in rows)
    assert any(row.overlong < 0 for row in rows if row.overlong is not None)
    values = {one.value for row in rows for one in row.own if "steep" in row.problem}
    assert len(values) > 2
    assert "structure" not in figures["last"] and "letters" in figures["last"]
    assert "structure is scored by" not in figures


def test_more_problems_at_a_time_than_there_are_is_refused(tables: Path, tmp_path: Path) -> None:
    """Nothing was trained, and the untrained weights were saved with exit status 0."""
    with pytest.raises(
        InputError, match=r"12 problems, and trl.steps_per_generation draws completions of 24 different"
    ):
        train(tables, tmp_path / "out", trl={"steps_per_generation": 24})
    assert not (tmp_path / "out" / "model").exists()


def test_groups_that_score_alike_give_way_to_others_and_a_run_goes_on_with_the_same(
    tables: Path, tmp_path: Path
) -> None:
    plain, whole, halved = tmp_path / "plain", tmp_path / "whole", tmp_path / "halved"
    train(tables, plain)
    assert any(line["frac_reward_zero_std"] > 0 for line in log(plain))
    train(tables, whole, dynamic_sampling=9)
    lines = log(whole)
    assert sum(line["dynamic/drawn_again"] for line in lines) > 0
    assert [line["dynamic/left_flat"] for line in lines] == [0.0] * 4
    told = ("seconds/generation", "seconds/reward", "seconds/update", "tokens_per_second")
    assert all(line[name] > 0 for line in lines for name in told)
    assert lines[0]["seconds_left"] > lines[-1]["seconds_left"] == 0
    assert len(drawn(whole)) > len(drawn(plain)) == 4 * 2 * 4
    shutil.copytree(whole, halved)
    shutil.rmtree(halved / "checkpoints" / "checkpoint-4")
    train(tables, halved, dynamic_sampling=9)
    told = ("step", "loss", "reward", "dynamic/drawn_again", "completions/mean_length")
    assert [[line[name] for name in told] for line in log(halved)] == [[line[name] for name in told] for line in lines]
    assert [(row.step, row.completion) for row in drawn(halved)] == [(row.step, row.completion) for row in drawn(whole)]
