"""Tables that are damaged, or were never one: every command that reads them says so in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from rlkd_data.cli import app
from rlkd_data.errors import InputError
from tests.support.report_rows import decomposed, trace, write_decompositions, write_stage, write_traces

BAD = b"How \xff\xfe many eggs?"


def truncated(shard: Path) -> None:
    shard.write_bytes(shard.read_bytes()[:-50])


def empty(shard: Path) -> None:
    shard.write_bytes(b"")


def rubbish(shard: Path) -> None:
    shard.write_bytes(b"PAR1" + b"\xa5" * 4000 + b"PAR1")


def flipped(shard: Path) -> None:
    """Bits in the middle of a column that every command reads: what it does not read it cannot find damaged."""
    problems = pq.read_metadata(shard).row_group(0).column(pq.read_schema(shard).names.index("problem"))
    content = bytearray(shard.read_bytes())
    content[problems.data_page_offset + problems.total_compressed_size // 2] ^= 0x55
    shard.write_bytes(content)


def no_text(shard: Path) -> None:
    table = pq.read_table(shard)
    column = pa.array([BAD] * table.num_rows, pa.binary()).view(pa.string())
    names = table.schema.names
    pq.write_table(table.set_column(names.index("problem"), "problem", column), shard)


def no_name(shard: Path) -> None:
    content = shard.read_bytes()
    assert b"license" in content
    pq.write_table(pq.read_table(shard, columns=["problem"]).rename_columns(["licenseX"]), shard)
    schema = pq.read_schema(shard).remove_metadata()
    pq.write_table(pq.read_table(shard).cast(schema), shard, store_schema=False)
    shard.write_bytes(shard.read_bytes().replace(b"licenseX", b"lic\xff\xfeseX"))


DAMAGE = [truncated, empty, rubbish, flipped, no_text, no_name]


def run(*arguments: object) -> str:
    """The one line that a command ends with."""
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert isinstance(result.exception, InputError), (result.exception, result.output[-300:])
    line = str(result.exception)
    assert len(line.splitlines()) == 1, line
    return line


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    folder = tmp_path / "traces"
    write_stage(folder, "collect", settings={}, finished_at="2026-01-01")
    write_traces(folder, [trace(f"t{number}") for number in range(20)])
    write_traces(folder, [trace(f"u{number}") for number in range(20)])
    assert len(list(folder.glob("*.parquet"))) == 2
    return folder


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_every_command_names_the_shard(traces: Path, tmp_path: Path, damage: object) -> None:
    shard = traces / "part-00001.parquet"
    damage(shard)  # type: ignore[operator]
    for command in (
        ("report", traces, "--out", tmp_path / "page.html"),
        ("collect", traces, "--out", tmp_path / "again"),
        ("decompose", traces, "--annotator", "local:gsrm-smollm2", "--out", tmp_path / "steps"),
        ("publish", traces, "--repo-id", "a/b", "--dry-run", "--out", tmp_path / "pub"),
        ("inspect", traces),
    ):
        if command[0] == "inspect" and damage in (flipped, no_text):
            continue  # it may draw its row from the other shard
        assert "part-00001.parquet" in run(*command), command
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"result": []}, "result is a list"),
        ({"result": {"counts": {"ok": "many"}}}, "result.counts.ok is a str"),
        ({"result": {"counts": [1]}}, "result.counts is a list"),
        ({"result": {"cost_usd": "much"}}, "result.cost_usd is a str"),
        ({"settings": "none"}, "settings is a str"),
        ({"fingerprint": 7}, "fingerprint is a int"),
        ({"status": True}, "status is a bool"),
        ({"finished_at": 3}, "finished_at is a int"),
    ],
)
def test_a_record_of_wrong_types_is_named(traces: Path, tmp_path: Path, change: dict[str, object], said: str) -> None:
    record = json.loads((traces / "stage.json").read_text())
    (traces / "stage.json").write_text(json.dumps(record | change))
    for command in (
        ("inspect", traces),
        ("report", traces, "--out", tmp_path / "page.html"),
        ("collect", "gsm8k-quickstart", "--out", traces),
        ("publish", traces, "--repo-id", "a/b", "--dry-run", "--out", tmp_path / "pub"),
    ):
        assert said in run(*command) and str(traces / "stage.json") in run(*command)


def test_a_decompositions_table_is_no_better(tmp_path: Path) -> None:
    folder = write_decompositions(tmp_path, [decomposed(trace("t1"))])
    no_text(folder / "part-00000.parquet")
    assert "part-00000.parquet" in run("inspect", folder)
    assert "part-00000.parquet" in run("report", folder, "--out", tmp_path / "page.html")
