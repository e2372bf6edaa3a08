"""Training in two processes that share the work, as `rlkd-train launch` starts them: real ones, over gloo."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from rlkd_data.errors import InputError
from rlkd_data.schema import TRACES
from rlkd_data.tables import read_rows
from rlkd_train.launch.run import accelerate_environment, run_processes
from rlkd_train.on_the_way import ledger
from rlkd_train.reward.completions import COMPLETIONS
from rlkd_train.run_folder import read_log
from tests.support.cli import _KEYS, ROOT
from tests.support.fixed_draws import install, killed_in_step_3, told_to_end_in_step_5
from tests.support.forked import Forked
from tests.support.grpo_run import make_run
from tests.support.servers import running_openai_server
from tests.support.tiny_model import save_tiny_model
from tests.support.train_run import weights
from tests.support.training_rows import trace, write

GSRM = "tests.support.grpo_run:decompose"
JUDGE = "tests.support.grpo_run:say_yes_or_no"
NOT_OURS = ("step_time", "train_runtime", "epoch", "num_tokens", "/time/", "entropy", "second")
"""Figures of a step that are of its time, or that TRL takes from each process' own half."""


class Run:
    """The processes of one run, and what they said."""

    def __init__(self, *command: object, first: Callable[[], None] | None = None, **more: str) -> None:
        self.processes: list[Forked] = []
        self._first = first
        count = int(more.pop("count", "2"))
        if count == 1:
            self.processes.append(Forked([*map(str, command)], os.environ | _KEYS, ROOT, first))
            self.status = self.processes[0].wait(120)
        else:
            self.status = run_processes([*map(str, command)], count, _KEYS | more, self._begin)
        self.said = [process.printed("err") for process in self.processes]

    def _begin(self, command: Sequence[str], environment: Mapping[str, str]) -> Forked:
        self.processes.append(Forked(list(command), environment, ROOT, self._first))
        return self.processes[-1]


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[str, str]]:
    """Of the GSRM and of the judge."""
    with running_openai_server(reply_function=GSRM) as gsrm, running_openai_server(reply_function=JUDGE) as judge:
        yield gsrm.base_url, judge.base_url


def settings(folder: Path, servers: tuple[str, str], **more: Any) -> Path:
    """Each run has a store of its own, so that each one asks. The loss is a mean over a step, not over each process'
    micro-batches."""
    return make_run(folder, *servers, precision="float32", trl={"loss_type": "dapo"}, **more)


def log(out: Path) -> list[dict[str, float]]:
    return [
        {name: value for name, value in line.items() if not any(word in name for word in NOT_OURS)}
        for line in read_log(out)
    ]


def test_two_processes_do_what_one_does(tmp_path: Path, servers: tuple[str, str]) -> None:
    outs = {}
    write(tmp_path / "held_out", TRACES, [trace(f"h{n}", "", "\\boxed{12}", problem=f"What is {n}?") for n in range(2)])
    evaluation = {"problems": [str(tmp_path / "held_out")], "every": 2, "sampling": {"max_tokens": 8}}
    for count in (1, 2):
        (tmp_path / str(count)).mkdir()
        config = settings(tmp_path / str(count), servers, optim={"micro_batch": 4}, evaluation=evaluation)
        outs[count] = tmp_path / str(count) / "run"
        run = Run("rlkd-train", "grpo", "--config", config, "--out", outs[count], count=str(count), first=install)
        assert run.status == 0, run.said
    one, two = (list(read_rows(outs[count] / "completions", COMPLETIONS)) for count in (1, 2))
    assert len(one) == 4 * 8 and [row.step for row in one] == [row.step for row in two]
    for name in ("problem_id", "completion", "structure", "accuracy", "total", "unscored", "n_steps"):
        assert [getattr(row, name) for row in one] == [getattr(row, name) for row in two], name
    assert len({row.total for row in one}) > 2
    for before, after in zip(log(outs[1]), log(outs[2]), strict=True):
        assert before.keys() == after.keys()
        for name, value in before.items():
            assert after[name] == pytest.approx(value, rel=1e-3, abs=1e-5), name
    expected = weights(outs[1] / "model")
    for name, found in weights(outs[2] / "model").items():
        assert torch.allclose(found, expected[name], atol=1e-4), name
    for step in (2, 4):
        state = (outs[2] / f"checkpoints/checkpoint-{step}/trainer_state.json").read_text()
        assert json.loads(state)["global_step"] == step
    evaluated = [ledger.read(outs[count]) for count in (1, 2)]
    assert evaluated[0][0] == evaluated[1][0]
    assert [[line["step"] for line in lines] for lines in evaluated] == [[0, 2, 4]] * 2
    assert [line for line in run.said[1].splitlines() if "Warning" not in line and "warn" not in line] == []


def test_one_that_dies_ends_all_and_the_run_goes_on_with_any_number_of_processes(
    tmp_path: Path, servers: tuple[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    config, out = settings(tmp_path, servers, steps=6, optim={"micro_batch": 4}), tmp_path / "run"
    command = ("rlkd-train", "grpo", "--config", config, "--out", out)
    run = Run(*command, first=killed_in_step_3)
    assert run.status == 128 + signal.SIGKILL
    assert "process 1 of 2 was ended by SIGKILL (for want of memory?), so all were" in capfd.readouterr().err
    assert "Traceback" not in run.said[0] and "fault in rlkd" not in run.said[0]
    run = Run(*command, first=told_to_end_in_step_5)
    assert run.status == 143
    assert f"a checkpoint of step 5 is in {out / 'checkpoints'}" in run.said[0] and "interrupted" not in run.said[1]
    run = Run(*command, first=install, count="1")
    assert run.status == 0, run.said
    assert [line["step"] for line in read_log(out)] == [1, 2, 3, 4, 5, 6]
    rows = list(read_rows(out / "completions", COMPLETIONS))
    assert [row.step for row in rows] == [step for step in range(1, 7) for _ in range(8)]


def test_sft_in_two_processes_learns_what_one_does(tmp_path: Path) -> None:
    rows = [trace(f"t{n}", f"Say {n}. " * n, f"It is {n}.", problem=f"How much is {n}?") for n in range(1, 9)]
    write(tmp_path / "traces", TRACES, rows)
    values = {
        "model": str(save_tiny_model(tmp_path / "tiny")),
        "traces": [str(tmp_path / "traces")],
        "lora": {"r": 0},
        "max_steps": 4,
        "precision": "float32",
        "optim": {"learning_rate": 1e-2, "schedule": "constant", "micro_batch": 2, "accumulate": 2},
    }
    (tmp_path / "sft.yaml").write_text(json.dumps(values))
    outs = [tmp_path / "one", tmp_path / "two"]
    for count, out in enumerate(outs, 1):
        run = Run("rlkd-train", "sft", "--config", tmp_path / "sft.yaml", "--out", out, count=str(count))
        assert run.status == 0, run.said
    one, two = map(read_log, outs)
    assert [line["step"] for line in one] == [line["step"] for line in two] == [1, 2, 3, 4]
    assert one[-1]["loss"] < one[0]["loss"]
    for before, after in zip(one, two, strict=True):
        assert after["loss"] == pytest.approx(before["loss"], rel=1e-4)
    expected = weights(outs[0] / "model")
    assert all(torch.allclose(found, expected[name], atol=1e-4) for name, found in weights(outs[1] / "model").items())


def test_fsdp2_spreads_the_weights_and_saves_them_whole(tmp_path: Path, servers: tuple[str, str]) -> None:
    config, out = settings(tmp_path, servers, steps=3, optim={"micro_batch": 4}), tmp_path / "run"
    more = accelerate_environment("fsdp2", 2)
    run = Run("rlkd-train", "grpo", "--config", config, "--out", out, first=install, **more)
    assert run.status == 0, run.said
    lines = read_log(out)
    assert [line["step"] for line in lines] == [1, 2, 3] and lines[0]["grad_norm"] > 0
    start, end = weights(tmp_path / "tiny"), weights(out / "model")
    assert {name: found.shape for name, found in start.items()} == {name: found.shape for name, found in end.items()}
    assert any(not torch.equal(found, end[name]) for name, found in start.items())


@pytest.mark.parametrize("kind", ["ddp", "fsdp2", "zero3"])
def test_every_shipped_configuration_is_one_that_accelerate_loads(kind: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    from rlkd_data.run.resources import resource

    loaded = load_config_from_file(str(resource("pipelines", "accelerate", f"{kind}.yaml")))
    assert loaded.num_processes == 8
    if kind == "zero3":
        with pytest.raises(InputError, match="needs CUDA"):
            accelerate_environment(kind, 2)
    else:
        found = accelerate_environment(kind, 2)
        assert found.get("FSDP_VERSION") == {"ddp": None, "fsdp2": "2"}[kind]


def test_an_unknown_configuration_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match="there are ddp, fsdp2, zero3"):
        accelerate_environment("fsdp", 2)
