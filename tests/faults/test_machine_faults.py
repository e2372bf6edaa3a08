"""Faults of the machine are one line with exit status 2; ^C and SIGTERM say what is kept, and end at once."""

from __future__ import annotations

import errno
import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rlkd_data.answers.sandbox import available
from rlkd_data.answers.verify import CodeRuns, Job, Verdict, Verifier
from rlkd_data.run.command import run_app
from rlkd_data.run.machine import told
from rlkd_data.schema import TRACES
from rlkd_data.tables import read_rows
from tests.support.cli import start
from tests.support.command_line import Ended, run_here
from tests.support.servers import running_openai_server

Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return lambda *arguments: run_here("rlkd-data", *arguments, monkeypatch=monkeypatch, capsys=capsys)


def problems(folder: Path, count: int, **more: str) -> Path:
    path = folder / "s.jsonl"
    path.write_text("".join(json.dumps({"problem": f"p{n}", "answer": "4", **more}) + "\n" for n in range(count)))
    return path


def file_in_the_way(folder: Path) -> Path:
    (folder / "o").write_text("mine")
    return folder / "o"


def below_a_file(folder: Path) -> Path:
    (folder / "o").write_text("mine")
    return folder / "o" / "out"


def name_too_long(folder: Path) -> Path:
    return folder / ("o" * 300)


def not_ours(folder: Path) -> Path:
    return Path("/proc/1/out")


@pytest.mark.parametrize("place", [file_in_the_way, below_a_file, name_too_long, not_ours])
def test_an_output_that_cannot_be_written_is_one_line(tmp_path: Path, run: Run, place: Callable[[Path], Path]) -> None:
    out = place(tmp_path)
    for command in (
        ("collect", problems(tmp_path, 2), "--out", out),
        ("report", tmp_path / "nowhere", "--out", out),
    ):
        ended = run(*command)
        assert ended.status == 2 and ended.err.count("\n") == 1, ended.err
        assert ended.err.startswith("error: ") and "fault" not in ended.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_one_line(tmp_path: Path, run: Run) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    ended = run("collect", problems(tmp_path, 2), "--out", tmp_path / "locked" / "o")
    assert ended.status == 2 and "permission is denied" in ended.err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO, errno.EMFILE])
def test_an_error_of_the_machine_s_says_where_what_and_what_to_do(
    number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def app() -> None:
        raise OSError(number, os.strerror(number), "/some/place")

    with pytest.raises(SystemExit) as ended:
        run_app(app)
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said.count("\n") == 1 and "/some/place" in said and "fault" not in said


def test_what_is_no_affair_of_the_machine_s_stays_a_fault() -> None:
    assert told(ConnectionResetError(errno.ECONNRESET, "reset")) is None and told(OSError("odd")) is None
    assert "the disk is full" in (told(OSError("[Errno 28] Error writing bytes. Detail: [errno 28] No space")) or "")


def interrupted(command: list[str], until: Callable[[], bool], number: int) -> tuple[int, str]:
    """Status and standard error of a command that gets a signal."""
    process = start("rlkd-data", *command)
    while not until():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    return process.returncode, said


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_what_was_answered_and_says_how_to_go_on(tmp_path: Path, number: int, status: int) -> None:
    source, out = problems(tmp_path, 400), tmp_path / "t"
    with running_openai_server(latency=0.05) as server:
        command = ["collect", str(source), "--teacher", "openai:m", "--base-url", server.base_url, "--out", str(out)]
        command += ["--store", str(tmp_path / "s.sqlite"), "--concurrency", "4"]
        ended, said = interrupted(command, lambda: server.stats()["answered"] >= 20, number)
    kept = len(list(read_rows(out, TRACES)))
    last = said.strip().splitlines()[-1]
    assert ended == status and "Traceback" not in said
    assert last.startswith(f"interrupted: {kept} rows are in {out}; ") and "the same command continues" in last
    assert kept >= 10 and "collect s.jsonl: " in said


def test_a_program_that_spins_ends_with_its_verifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if available() is not None:
        pytest.skip(f"no sandbox here: {available()}")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    program = "```python\ndef add(a, b):\n    while True:\n        pass\n```"
    found: list[Verdict] = []
    with Verifier(1, code=CodeRuns(seconds=3000.0, total_seconds=9000.0)) as verifier:
        job = Job("assert add(1, 2) == 3", program, "code")
        waiting = threading.Thread(target=lambda: found.extend(verifier.verify_all([job])))
        waiting.start()
        while not list(tmp_path.glob("rlkd-sandbox-*")):
            time.sleep(0.01)
    waiting.join()
    assert [one.is_correct for one in found] == [None] and not list(tmp_path.glob("rlkd-sandbox-*"))
