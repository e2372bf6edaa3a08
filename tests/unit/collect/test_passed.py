"""An import that goes on comes to the table of one that was not interrupted, and reads no record twice that is done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlkd_data import tables
from rlkd_data.collect import from_source
from rlkd_data.collect.run import collect
from rlkd_data.config import CollectSettings
from rlkd_data.run.stage import PASSED
from rlkd_data.schema import TRACES
from rlkd_data.tables import REJECTED, is_table, read_table, shards

ROWS = 40


def record(number: int) -> dict[str, Any]:
    thought = f"It is {number}, said once." if number % 7 else ""
    problem = f"What is {number // 2 if number % 5 == 1 else number}?"
    teacher = "a" if number % 3 else "b"
    return {"problem": problem, "reasoning": thought, "response": "So.", "answer": str(number), "teacher": teacher}


def rows() -> list[str]:
    lines = [json.dumps(record(number)) for number in range(ROWS)]
    lines[9] = lines[8]  # the same row again, and again later
    lines[30] = lines[8]
    lines[12] = "{broken"
    lines[21] = json.dumps({"other": 1})
    return lines


class Stop(Exception):
    pass


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The places of the records that were read."""
    places: list[str] = []
    before = from_source.read_traces

    def reading(settings: Any, source: Any, where: str, found: Any) -> Any:
        places.append(where)
        return before(settings, source, where, found)

    monkeypatch.setattr(from_source, "read_traces", reading)
    monkeypatch.setattr(tables.TableWriter.__init__, "__defaults__", (3,))
    monkeypatch.setattr("rlkd_data.collect.passed._TOGETHER", 4)
    return places


def settings(folder: Path, **more: Any) -> CollectSettings:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(rows()) + "\n", encoding="utf-8")
    return CollectSettings.model_validate({"source": str(path)} | more)


def table(out: Path) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for rejected in (False, True):
        if is_table(out / REJECTED if rejected else out):
            columns = ["trace_id", "problem", *(["reason", "detail"] if rejected else [])]
            for batch in read_table(out, TRACES, columns, rejected=rejected):
                found += [tuple(row.values()) for row in batch.to_pylist()]
    return sorted(found, key=str)


def interrupted(asked: CollectSettings, out: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """A run that is killed when it has written so many groups."""
    with monkeypatch.context() as patched:
        before, left = from_source.Desk.write, [after]

        def write(desk: Any, drafts: Any) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Stop
            before(desk, drafts)

        patched.setattr(from_source.Desk, "write", write)
        with pytest.raises(Stop):
            collect(asked, out)


def cut(log: Path) -> None:
    log.write_bytes(log.read_bytes()[:-30])


def garble(log: Path) -> None:
    raw = bytearray(log.read_bytes())
    raw[200:420] = bytes(220)
    log.write_bytes(raw)


def remove(log: Path) -> None:
    log.unlink()


def keep(log: Path) -> None:
    pass


@pytest.mark.parametrize("harm", [keep, cut, garble, remove])
@pytest.mark.parametrize("after", [5, 17, 33])
def test_the_table_is_that_of_a_run_that_was_not_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: list[str], harm: Callable[[Path], None], after: int
) -> None:
    asked = settings(tmp_path)
    collect(asked, tmp_path / "whole")
    out = tmp_path / "out"
    interrupted(asked, out, monkeypatch, after)
    interrupted(asked, out, monkeypatch, 3)
    harm(out / PASSED)
    read.clear()
    result = collect(asked, out)
    assert table(out) == table(tmp_path / "whole") and sum(result.counts.values()) == ROWS
    assert not (out / PASSED).exists()
    if harm is keep:
        assert len(read) <= ROWS - after - 3 + 2  # the log's last record is read again


def test_a_lost_shard_is_made_again_though_the_log_has_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: list[str]
) -> None:
    asked = settings(tmp_path)
    collect(asked, tmp_path / "whole")
    for number, place in enumerate((Path(), Path(REJECTED))):
        out = tmp_path / f"out{number}"
        interrupted(asked, out, monkeypatch, 35)
        shards(out / place)[1].unlink()
        collect(asked, out)
        assert table(out) == table(tmp_path / "whole")


@pytest.mark.parametrize("more", [{"dedupe": "near"}, {"keep": "best"}, {"dedupe": "off"}, {"limit": 25}])
def test_settings_under_which_rows_depend_on_others_read_all_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: list[str], more: dict[str, Any]
) -> None:
    asked = settings(tmp_path, **more)
    collect(asked, tmp_path / "whole")
    interrupted(asked, tmp_path / "out", monkeypatch, 20)
    logged = "dedupe" not in more or more["dedupe"] == "off"
    assert (tmp_path / "out" / PASSED).exists() == (logged and "keep" not in more)
    collect(asked, tmp_path / "out")
    assert table(tmp_path / "out") == table(tmp_path / "whole")
