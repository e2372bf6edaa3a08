"""Trackers and the Hub in whole runs of a tiny model: what they get is what the log and the tables hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.errors import InputError, RlkdError
from rlkd_data.tables import read_rows
from rlkd_train.config import HubSettings, SftSettings
from rlkd_train.reward.completions import COMPLETIONS
from rlkd_train.run_folder import read_log
from rlkd_train.sft.train import train_sft
from rlkd_train.watch.hub import Pusher
from rlkd_train.watch.line import line
from tests.support.outcome_run import REWARDS, drawn, make_tables, train
from tests.support.servers import RunningServer, running_hub_server

TOKEN, REPO = "hf_only-for-this-test", "org/watched"


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tables(tmp_path_factory.mktemp("tables"))


def sft(tables: Path, **more: Any) -> SftSettings:
    return SftSettings.model_validate(
        {
            "model": str(tables / "tiny"),
            "traces": [str(tables / "traces")],
            "max_steps": 3,
            "lora": {"r": 0},
            "optim": {"micro_batch": 2, "accumulate": 1},
        }
        | more
    )


def test_trackers_get_what_the_log_gets(tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("trackio")
    pytest.importorskip("tensorboard")
    import trackio.utils
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from trackio.sqlite_storage import SQLiteStorage

    monkeypatch.setattr(trackio.utils, "TRACKIO_DIR", tmp_path / "trackio")
    monkeypatch.setattr("trackio.sqlite_storage.TRACKIO_DIR", tmp_path / "trackio")
    out = tmp_path / "a-run"
    train_sft(sft(tables, report_to=["trackio", "tensorboard"]), out)
    losses = [entry["loss"] for entry in read_log(out)]
    assert len(losses) == 3
    kept = [one for one in SQLiteStorage.get_logs("rlkd", "a-run") if "train/loss" in one]
    assert [one["train/loss"] for one in kept] == losses
    assert all(one["train/seconds/update"] > 0 for one in kept)
    (folder,) = {path.parent for path in out.rglob("events.out.tfevents.*")}
    events = EventAccumulator(str(folder)).Reload().Scalars("train/loss")
    assert [event.value for event in events] == pytest.approx(losses, rel=1e-6)


def test_a_tracker_that_is_not_installed_is_said_before_anything_is_loaded(tables: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="report_to: wandb is not installed: pip install wandb"):
        train_sft(sft(tables, report_to="wandb"), tmp_path)


@pytest.mark.parametrize(
    ("logs", "told"),
    [
        (
            {
                "loss": 0.1,
                "reward": 0.52,
                "rewards/accuracy/mean": 0.25,
                "rewards/structure/mean": None,
                "completions/mean_length": 1312.4,
                "tokens_per_second": 840.2,
                "seconds/generation": 12.04,
                "seconds/reward": 3.0,
                "seconds/update": 5.55,
            },
            "reward 0.520  accuracy 0.25  length 1,312  840 tokens/s  (generation 12.0, reward 3.0, update 5.5 s)",
        ),
        ({"loss": 1.25, "seconds/update": 2.0}, "loss 1.250  (update 2.0 s)"),
        ({}, ""),
    ],
)
def test_the_line_of_a_step(logs: dict[str, Any], told: str) -> None:
    assert line(logs) == told


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningServer]:
    """The Hub, and this process as a client of it."""
    from huggingface_hub import constants

    with running_hub_server(tmp_path / "hub", token=TOKEN, fault=["503:commit"]) as server:
        for name, value in (
            ("ENDPOINT", server.base_url),
            ("HUGGINGFACE_CO_URL_TEMPLATE", f"{server.base_url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"),
            ("HF_HUB_OFFLINE", False),
            ("HF_HUB_DISABLE_XET", True),
        ):
            monkeypatch.setattr(constants, name, value)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield server


def test_checkpoints_and_completions_come_to_the_hub(
    tables: Path, tmp_path: Path, hub: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download

    (tmp_path / "letters_reward.py").write_text(REWARDS)
    monkeypatch.chdir(tmp_path)
    train(tables, tmp_path / "out", hub={"repo_id": REPO, "every": 0})
    there = HfApi().list_repo_files(REPO)
    assert {"README.md", "last-checkpoint/trainer_state.json", "last-checkpoint/optimizer.pt"} <= set(there)
    assert not [name for name in there if "training_args" in name or name.count("README") > 1]
    state = hf_hub_download(
        REPO, "last-checkpoint/trainer_state.json", cache_dir=tmp_path / "cache", endpoint=hub.base_url
    )
    assert json.loads(Path(state).read_text())["global_step"] == 4
    folder = snapshot_download(REPO, repo_type="dataset", cache_dir=tmp_path / "cache")
    assert list(read_rows(Path(folder) / "completions", COMPLETIONS)) == drawn(tmp_path / "out")
    assert HfApi().repo_info(REPO).private


def test_a_hub_that_refuses_is_said_before_the_run(
    tables: Path, tmp_path: Path, hub: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_another")
    with pytest.raises(RlkdError) as raised:
        train(tables, tmp_path / "out", hub={"repo_id": REPO}, rewards=[])
    assert REPO in str(raised.value) and "\n" not in str(raised.value)
    assert not (tmp_path / "out" / "log.jsonl").exists()


def test_what_could_not_be_pushed_comes_with_the_next_push(
    tables: Path, tmp_path: Path, hub: RunningServer, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from types import SimpleNamespace

    from rlkd_data.errors import HubError
    from rlkd_data.publish.push import Hub

    step = tmp_path / "checkpoints" / "checkpoint-2"
    step.mkdir(parents=True)
    (step / "trainer_state.json").write_text("{}")
    pusher = Pusher(HubSettings(repo_id=REPO, completions=False), tmp_path / "checkpoints", None)
    whole, refused = Hub.push, [HubError("the Hub is away")]

    def push(self: Hub, *arguments: Any, **more: Any) -> str:
        if refused:
            raise refused.pop()
        return whole(self, *arguments, **more)

    monkeypatch.setattr(Hub, "push", push)
    pusher.on_save(None, SimpleNamespace(is_world_process_zero=True), None)
    pusher.close()
    assert pusher.failed == {}
    assert "checkpoint could not be pushed, and will be tried again: the Hub is away" in capsys.readouterr().err
