"""One process a folder; a finished stage is looked at again; a full disk or a kill leaves what the same command
completes."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from rlkd_data import files
from rlkd_data.config import Settings
from rlkd_data.done import done_digests, key_digest
from rlkd_data.errors import InputError
from rlkd_data.run import pipeline, process, stage
from rlkd_data.run.identity import read_stage
from rlkd_data.run.lock import LOCK, held_for_reading, locked
from rlkd_data.run.stage import StageResult, StageSpec
from rlkd_data.schema import TRACES
from rlkd_data.tables import REJECTED, TableWriter, count_rows, read_rows
from tests.support.command_line import Ended, run_here
from tests.support.training_rows import trace

Run = Callable[..., Ended]
ROWS = 10


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`rlkd-data` in this process, with shards of three rows."""
    monkeypatch.setattr(TableWriter.__init__, "__defaults__", (3,))
    return lambda *arguments: run_here("rlkd-data", *arguments, monkeypatch=monkeypatch, capsys=capsys)


@pytest.fixture
def collected(tmp_path: Path) -> tuple[object, ...]:
    """A command that collects ten rows, one of them unusable, into `t`."""
    rows = [{"problem": f"p{n}", "answer": "4", "solution": f"<think>{n}</think>It is 4."} for n in range(ROWS - 1)]
    source = tmp_path / "s.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"answer": "no problem"}]))
    return ("collect", source, "--out", tmp_path / "t", "--license", "mit")


def whole(out: Path) -> bool:
    """Whether every row is there once, and nothing else but what a finished stage leaves."""
    names = sorted(path.name for path in out.iterdir() if not path.name.startswith("part-"))
    keys = Counter(row.problem for row in read_rows(out, TRACES))
    return (
        names in ([REJECTED, "stage.json"], ["ledger.json", REJECTED, "stage.json"])
        and keys == Counter(f"p{n}" for n in range(ROWS - 1))
        and count_rows(out / REJECTED) == 1
        and not [path for path in out.rglob(".*") if path.is_file()]
        and (read_stage(out) or {}).get("status") == "done"
    )


# --- one process a folder


def test_a_folder_in_use_is_refused_and_names_who_uses_it(
    tmp_path: Path, run: Run, collected: tuple[object, ...]
) -> None:
    holding = "import sys, time; from pathlib import Path; from rlkd_data.run.lock import locked\n"
    holding += f"with locked(Path({str(tmp_path / 't')!r})): print('held', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", holding], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        ended = run(*collected)
        other.kill()
    host = process.name().partition(":")[0]
    assert ended.status == 2 and ended.err.count("\n") == 1
    assert f"is in use: process {other.pid} on {host} works in it" in ended.err
    assert run(*collected).status == 0 and whole(tmp_path / "t")  # a killed process lets go


def test_two_writers_of_one_table_lose_no_row(tmp_path: Path) -> None:
    first, second = (TableWriter(tmp_path, TRACES, rows_per_shard=1) for _ in range(2))
    for number in range(30):
        (first, second)[number % 2].add(trace(f"t{number}", "r", "s"))
    assert len(list(tmp_path.glob("part-*"))) == 30
    assert len(done_digests(tmp_path, TRACES)) == 30


def test_a_number_that_another_writer_takes_meanwhile_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TableWriter(tmp_path, TRACES) as table:
        table.add(trace("first", "r", "s"))
    real = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: iter([]) if path == tmp_path else real(path))
    with TableWriter(tmp_path, TRACES) as table:
        table.add(trace("second", "r", "s"))
    monkeypatch.undo()
    assert {row.trace_id for row in read_rows(tmp_path, TRACES)} == {"first", "second"}


def test_a_writer_leaves_what_a_living_one_is_writing(tmp_path: Path) -> None:
    living = files.temporary(tmp_path / "part.parquet")
    dead = tmp_path / living.name.replace(f"~{os.getpid()}~", "~4194305~")
    for path in (living, dead, tmp_path / ".part-00003.parquet.tmp", tmp_path / ".stage.json.4194305"):
        path.write_text("half")
    TableWriter(tmp_path, TRACES)
    assert [path for path in tmp_path.iterdir() if path.is_file()] == [living]


class CopySettings(Settings):
    text: str = "x"
    inputs: tuple[Path, ...] = ()


def copy(settings: CopySettings, out: Path) -> StageResult:
    """Writes four rows, those that are there already left out, in shards of two."""
    done = done_digests(out, TRACES)
    with TableWriter(out, TRACES, rows_per_shard=2) as table:
        for number in range(4):
            if key_digest((f"{settings.text}{number}",)) not in done:
                table.add(trace(f"{settings.text}{number}", "r", "s"))
    return StageResult({"ok": 4})


SPEC = StageSpec("copy", CopySettings, f"{__name__}:copy")


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A pipeline of one stage `a`, with overrides."""
    monkeypatch.setattr(pipeline, "registry", lambda: {"copy": SPEC})
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump({"workdir": str(tmp_path / "work"), "stages": {"a": {"verb": "copy"}}}))
    return lambda *overrides: pipeline.load(path, overrides)


@pytest.mark.parametrize("inside", ["a", "a/score", "."])
def test_a_pipeline_removes_no_folder_in_which_another_works(
    tmp_path: Path, planned: Callable[..., Any], inside: str
) -> None:
    pipeline.run(planned())
    with locked(tmp_path / "work" / inside), pytest.raises(InputError, match="in use"):
        pipeline.run(planned("a.text=y"))
    assert {row.trace_id for row in read_rows(tmp_path / "work/a", TRACES)} == {f"x{n}" for n in range(4)}
    pipeline.run(planned("a.text=y"))
    assert {row.trace_id for row in read_rows(tmp_path / "work/a", TRACES)} == {f"y{n}" for n in range(4)}
    assert not list((tmp_path / "work").rglob(LOCK))


def test_a_folder_that_cannot_be_locked_can_be_read(tmp_path: Path) -> None:
    with held_for_reading(tmp_path / "nowhere"):
        pass
    with held_for_reading(tmp_path), pytest.raises(InputError), locked(tmp_path):
        pass


def test_what_is_in_use_is_not_published(tmp_path: Path, run: Run, collected: tuple[object, ...]) -> None:
    assert run(*collected).status == 0
    dry = ("publish", tmp_path / "t", "--repo-id", "o/n", "--dry-run", "--out", tmp_path / "pub")
    with locked(tmp_path / "t"):
        ended = run(*dry)
    assert ended.status == 2 and "in use" in ended.err and not (tmp_path / "pub").exists()


# --- a finished stage is looked at again


def cut(shard: Path) -> None:
    shard.write_bytes(shard.read_bytes()[:-9])


def remove(shard: Path) -> None:
    shard.unlink()


def garble(shard: Path) -> None:
    shard.write_bytes(b"not parquet")


def empty(shard: Path) -> None:
    shard.write_bytes(b"")


@pytest.mark.parametrize("harm", [cut, remove, garble, empty])
@pytest.mark.parametrize("name", ["part-00001.parquet", "rejected/part-00000.parquet"])
@pytest.mark.parametrize("earlier", [False, True])
def test_a_shard_that_is_gone_is_named_and_made_again(
    tmp_path: Path, run: Run, collected: tuple[object, ...], harm: Callable[[Path], None], name: str, earlier: bool
) -> None:
    out = tmp_path / "t"
    assert run(*collected).status == 0 and whole(out)
    if earlier:  # a record of a version that did not write its shards down
        record = read_stage(out) or {}
        del record["shards"]
        (out / "stage.json").write_text(json.dumps(record))
    harm(out / name)
    ended = run(*collected)
    assert ended.status == 0 and "made again" in ended.err and whole(out)
    assert earlier or name in ended.err
    assert "nothing to do" in run(*collected).err


def test_the_printed_remedy_works(tmp_path: Path, run: Run, collected: tuple[object, ...]) -> None:
    out = tmp_path / "t"
    run(*collected)
    shard = out / "part-00000.parquet"
    raw = bytearray(shard.read_bytes())
    raw[4:400] = bytes(396)  # the pages, not the footer
    shard.write_bytes(raw)
    ended = run("report", out, "--out", tmp_path / "r.html")
    assert ended.status == 2 and "remove it and run the stage that wrote it again" in ended.err
    shard.unlink()
    assert run(*collected).status == 0 and whole(out)
    assert run("report", out, "--out", tmp_path / "r.html").status == 0


def test_a_shard_that_the_record_does_not_know_is_not_taken_for_the_stage_s(tmp_path: Path) -> None:
    stage.run_stage(SPEC, CopySettings(), tmp_path / "a")
    (tmp_path / "a/part-00007.parquet").write_bytes((tmp_path / "a/part-00000.parquet").read_bytes())
    with pytest.raises(InputError, match=r"part-00007.parquet is not of this stage"):
        stage.run_stage(SPEC, CopySettings(), tmp_path / "a")


def test_an_input_that_is_not_whole_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def next_stage() -> None:
        stage.run_stage(SPEC, CopySettings(inputs=(tmp_path / "a",)), tmp_path / "b")

    stage.run_stage(SPEC, CopySettings(), tmp_path / "a")
    (tmp_path / "a/part-00001.parquet").unlink()
    with pytest.raises(InputError, match=r"part-00001.parquet is missing \(2 rows\): run the command that wrote"):
        next_stage()
    record = read_stage(tmp_path / "a") or {}
    (tmp_path / "a/stage.json").write_text(json.dumps(record | {"status": "running"}))
    with locked(tmp_path / "a"):
        next_stage()
    assert f"process {os.getpid()} on" in capsys.readouterr().err
    (tmp_path / "a/part-00000.parquet").unlink()  # another input, so another stage
    with pytest.raises(InputError, match="other settings or inputs"):
        next_stage()
    assert "is not whole: its stage was interrupted" in capsys.readouterr().err


# --- the first moments


LEFT = [
    {".stage.json.4194305": '{"stage": "collect", "st'},
    {"stage.json": ""},
    {"stage.json": '{"stage": "coll', ".ledger.json.4194305": ""},
    {"stage.json": "[]"},
    {"stage.json": "\0\0\0"},
    {"ledger.json": "{}", LOCK: "elsewhere:1:1"},
]


@pytest.mark.parametrize("left", LEFT, ids="+".join)
def test_what_a_killed_first_write_left_is_completed(
    tmp_path: Path, run: Run, collected: tuple[object, ...], left: dict[str, str]
) -> None:
    out = tmp_path / "t"
    out.mkdir()
    for name, text in left.items():
        (out / name).write_text(text)
    assert run(*collected).status == 0 and whole(out)


def test_a_lost_record_beside_rows_is_said_and_nothing_is_touched(
    tmp_path: Path, run: Run, collected: tuple[object, ...]
) -> None:
    out = tmp_path / "t"
    run(*collected)
    (out / "stage.json").write_text("")
    before = sorted(out.rglob("*"))
    ended = run(*collected)
    assert ended.status == 2 and "stage.json cannot be read" in ended.err and sorted(out.rglob("*")) == before


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_at_any_write_is_said_and_the_same_command_completes(
    tmp_path: Path, run: Run, collected: tuple[object, ...], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    real, failed_at = os.fsync, 0
    while True:
        failed_at += 1
        count = 0

        def fails(descriptor: int) -> None:
            nonlocal count
            count += 1
            if count == failed_at:  # noqa: B023 - called within this turn alone
                raise OSError(number, os.strerror(number))
            real(descriptor)

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", fails)
            ended = run(*collected)
        if count < failed_at:
            break
        assert ended.status == 2 and ended.err.strip().splitlines()[-1].startswith("error: "), ended.err
        assert ended.err.count("error: ") == 1 and "fault" not in ended.err and str(tmp_path / "t") in ended.err
        assert not [path for path in (tmp_path / "t").rglob(".*") if path.is_file()]
        again = run(*collected)
        assert again.status == 0 and whole(tmp_path / "t"), (failed_at, again)
        shutil.rmtree(tmp_path / "t")
    assert failed_at > 5 and whole(tmp_path / "t")


@pytest.mark.parametrize("what", ["report", "publish"])
def test_a_page_or_folder_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, run: Run, collected: tuple[object, ...], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    run(*collected)
    out = tmp_path / "made"
    if what == "report":
        command: tuple[object, ...] = ("report", tmp_path / "t", "--out", out)
        broken = (os, "fsync")
    else:
        command = ("publish", tmp_path / "t", "--repo-id", "o/n", "--dry-run", "--out", out)
        broken = (Path, "write_bytes")
    dead = files.temporary(out).name.replace(f"~{os.getpid()}~", "~4194305~")
    (tmp_path / dead).mkdir()
    before = {path.name for path in tmp_path.iterdir()} - {dead}

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(*broken, full)
        ended = run(*command)
    assert ended.status == 2 and "the disk is full" in ended.err and str(out) in ended.err, ended.err
    assert {path.name for path in tmp_path.iterdir()} == before
    assert run(*command).status == 0 and out.exists()
