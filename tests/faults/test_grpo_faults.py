"""GRPO against servers that go away, keys that are wrong, and kill -9: nothing is scored 0 that was only lost."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from rlkd_data.tables import read_rows
from rlkd_train.reward.completions import COMPLETIONS
from tests.support.forked import Forked
from tests.support.grpo_run import make_run, start_run, steps_in
from tests.support.servers import running_openai_server

GSRM = "tests.support.grpo_run:decompose"
JUDGE = "tests.support.grpo_run:say_yes_or_no"
A_GROUP = 8


def wait_for_step(run: Forked, out: Path, step: int) -> None:
    deadline = time.monotonic() + 120
    while steps_in(out) < step:
        assert run.poll() is None, run.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_an_outage_of_the_judge_is_waited_for_and_scores_nobody_zero(tmp_path: Path) -> None:
    with running_openai_server(reply_function=GSRM) as gsrm:
        with running_openai_server(reply_function=JUDGE) as judge:
            port = judge.port
            config = make_run(tmp_path, gsrm.base_url, judge.base_url, steps=12)
            run = start_run(config, tmp_path / "run")
            wait_for_step(run, tmp_path / "run", 3)
        at = steps_in(tmp_path / "run")
        time.sleep(3)  # the judge is gone: the run waits
        assert run.poll() is None
        stood_at = steps_in(tmp_path / "run")
        with running_openai_server(reply_function=JUDGE, port=port):
            _, said = run.communicate(timeout=120)
    assert run.returncode == 0, said
    assert stood_at <= at + 1 and stood_at < 12
    rows = list(read_rows(tmp_path / "run" / "completions", COMPLETIONS))
    assert [row.step for row in rows] == [step for step in range(1, 13) for _ in range(A_GROUP)]
    assert all(row.unscored is None for row in rows)
    for row in rows:  # every score stands on verdicts that were given
        if row.structure == 0.0 and row.n_steps:
            assert any(v.step == 1 and v.part == "meta" and v.match is False for v in row.verdicts)


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_with_each_step_once_and_logs_every_component(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with running_openai_server(reply_function=GSRM) as gsrm, running_openai_server(reply_function=JUDGE) as judge:
        config = make_run(tmp_path, gsrm.base_url, judge.base_url, steps=8, optim={"save_steps": 3})
        first = start_run(config, out)
        wait_for_step(first, out, 5)
        first.send_signal(signal.SIGKILL)
        first.communicate()
        second = start_run(config, out)
        _, said = second.communicate(timeout=120)
    assert second.returncode == 0, said
    assert "going on from" in said
    rows = list(read_rows(out / "completions", COMPLETIONS))
    assert [row.step for row in rows] == [step for step in range(1, 9) for _ in range(A_GROUP)]
    assert all(row.unscored is None for row in rows)  # the server refuses to see a teacher's trace
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    steps = [line for line in lines if "loss" in line]
    assert [line["step"] for line in steps] == list(range(1, 9))
    for name in ("structure", "accuracy", "format", "tag_count", "penalty"):
        assert all(f"rewards/{name}/mean" in line for line in steps)
    for name in ("unscored", "judge_wasted", "judge/asked", "gsrm/saved", "guard/judge_injection", "guard/no_variance"):
        assert all(name in line for line in steps)


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        ("401", 1, "answered 401"),  # a wrong key: hopeless, at once
        ("400", 1, "max_unscored allows 50%"),
    ],
)
def test_what_cannot_be_scored_stops_the_run_in_one_line_with_its_checkpoint(
    tmp_path: Path, fault: str, code: int, said: str
) -> None:
    out = tmp_path / "run"
    with running_openai_server(reply_function=GSRM) as gsrm:
        with running_openai_server(reply_function=JUDGE) as judge:
            port = judge.port
            config = make_run(tmp_path, gsrm.base_url, judge.base_url, steps=200, optim={"save_steps": 100})
            run = start_run(config, out)
            wait_for_step(run, out, 2)
        with running_openai_server(reply_function=JUDGE, port=port, fault=fault):
            _, told = run.communicate(timeout=120)
    assert run.returncode == code
    errors = [line for line in told.splitlines() if line.startswith("error:")]
    assert len(errors) == 1 and said in errors[0]
    assert "Traceback" not in told
    (kept,) = (out / "checkpoints").glob("checkpoint-*")
    assert json.loads((kept / "trainer_state.json").read_text())["global_step"] >= 1


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_told_to_end_saves_its_last_step_and_says_so(tmp_path: Path, number: int, status: int) -> None:
    out = tmp_path / "run"
    with running_openai_server(reply_function=GSRM) as gsrm, running_openai_server(reply_function=JUDGE) as judge:
        config = make_run(tmp_path, gsrm.base_url, judge.base_url, steps=500, optim={"save_steps": 500})
        run = start_run(config, out)
        wait_for_step(run, out, 2)
        run.send_signal(number)
        _, said = run.communicate(timeout=60)
    assert run.returncode == status, said
    (kept,) = (out / "checkpoints").glob("checkpoint-*")
    step = json.loads((kept / "trainer_state.json").read_text())["global_step"]
    assert step >= 1 and kept.name == f"checkpoint-{step}"
    assert f"a checkpoint of step {step} is in {out / 'checkpoints'}; finished work is kept" in said
    logged = [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert logged == list(range(1, step + 1))
