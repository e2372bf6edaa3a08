"""`rlkd-train launch`: what is started, and what becomes of processes that fail."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.errors import InputError
from rlkd_train.launch import run as launching

FAILS = "import os, sys, time; time.sleep(0.3 * int(os.environ['RANK'])); sys.exit([{codes}][int(os.environ['RANK'])])"


def test_the_stage_is_started_with_its_flags_in_each_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from rlkd_train.cli import app

    asked: dict[str, Any] = {}

    def run_processes(command: list[str], count: int, more: dict[str, str]) -> int:
        asked.update(command=command, count=count)
        return 2

    monkeypatch.setattr(launching, "run_processes", run_processes)
    monkeypatch.setattr(launching, "check_cards", lambda count: None)
    flags = ["--config", "a.yaml", "--set", "steps=4", "--set", "beta=0", "--out", "run", "--processes", "3"]
    found = CliRunner().invoke(app, ["launch", "grpo", *flags])
    assert found.exit_code == 2
    assert asked["count"] == 3
    told = ["grpo", "--config", "a.yaml", "--out", "run", "--set", "steps=4", "--set", "beta=0"]
    assert asked["command"] == [sys.executable, "-m", "rlkd_train", *told]


def test_a_stage_that_trains_nothing_is_refused() -> None:
    from typer.testing import CliRunner

    from rlkd_train.cli import app

    found = CliRunner().invoke(app, ["launch", "eval", "--config", "a.yaml", "--processes", "2"])
    assert isinstance(found.exception, InputError) and "there are grpo, sft, gsrm" in str(found.exception)


@pytest.mark.parametrize(
    ("codes", "status"),
    [("0, 0", 0), ("2, 1", 2), ("3, 2", 3), ("0, 1", 1)],
)
def test_the_status_is_the_main_process_or_that_of_the_one_that_failed(codes: str, status: int) -> None:
    assert launching.run_processes([sys.executable, "-c", FAILS.format(codes=codes)], 2, {}) == status


def test_one_that_is_killed_ends_the_others_and_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "_GRACE", 0.2)
    code = "import os, time; os.environ['RANK'] == '1' and os.kill(os.getpid(), 9); time.sleep(60)"
    started: list[subprocess.Popen[bytes]] = []

    def begin(command: Any, environment: Any) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(command, env=environment))
        return started[-1]

    assert launching.run_processes([sys.executable, "-c", code], 2, {}, begin) == 128 + signal.SIGKILL
    assert "process 1 of 2 was ended by SIGKILL" in capsys.readouterr().err
    assert [process.poll() for process in started] == [-signal.SIGTERM, -signal.SIGKILL]
