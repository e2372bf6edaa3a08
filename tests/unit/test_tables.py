import dataclasses
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rlkd_data import __version__, tables
from rlkd_data.done import done_digests, key_digest
from rlkd_data.errors import TableError
from rlkd_data.schema import DECOMPOSITIONS, TRACES, Decomposition, Sampling, Step, TableSchema, Trace, Usage
from rlkd_data.tables import TableWriter, count_rows, outcome_counts, read_rows, read_table, scan

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def a_trace(number: int = 0, **changes: object) -> Trace:
    trace = Trace(
        trace_id=f"t{number}",
        problem_id=f"p{number}",
        problem="How much is 3·4? 数学 🙂\n",
        domain="math",
        answer="12",
        reasoning="3·4 is 12.",
        response="12",
        final_answer=None,
        is_correct=True,
        verification="math-verify",
        teacher="openai:teacher",
        source="a test",
        license=None,
        sampling=Sampling(temperature=0.6, seed=0, sample_index=number),
        finish_reason="stop",
        usage=Usage(10, 2, 30, 20),
        cost_usd=0.25,
        created_at=NOW,
    )
    return dataclasses.replace(trace, **changes)  # type: ignore[arg-type]


def a_decomposition(number: int = 0) -> Decomposition:
    return Decomposition(
        trace_id=f"t{number}",
        problem_id=f"p{number}",
        problem="How much is 3·4?",
        domain="math",
        answer="12",
        annotator="local:gsrm",
        prompt_id="abc",
        steps=(Step(1, "Use the product.", "3·4?", "12", 0, 9), Step(2, "Check.", "4·3?", "12")) if number else (),
        final_answer="12",
        status="ok",
        issues=("skipped_number",) if number else (),
        raw="[Answer 1]: 12",
        usage=None,
        cost_usd=None,
        created_at=NOW,
    )


def write(folder: Path, rows: list[Trace], **options: int) -> Path:
    with TableWriter(folder, TRACES, **options) as table:
        for row in rows:
            table.add(row)
    return folder


def rewrite(folder: Path, change: dict[str, pa.Array], without: tuple[str, ...] = ()) -> Path:
    """The folder's only shard with other columns: what somebody else's program might have written."""
    shard = folder / "part-00000.parquet"
    table = pq.read_table(shard).drop_columns(list(without))
    for name, values in change.items():
        table = table.set_column(table.schema.get_field_index(name), name, values)
    pq.write_table(table, shard)
    return shard


def are_done(folder: Path, schema: TableSchema, *keys: tuple[str, ...]) -> bool:
    """Whether a folder holds the rows of these keys, and no other."""
    found = done_digests(folder, schema)
    return len(found) == len(keys) and all(key_digest(key) in found for key in keys)


@pytest.mark.parametrize(
    ("schema", "rows"),
    [
        (TRACES, [a_trace(0), a_trace(1, usage=None, is_correct=None, cost_usd=None), a_trace(2, sampling=Sampling())]),
        (DECOMPOSITIONS, [a_decomposition(0), a_decomposition(1)]),
    ],
    ids=["traces", "decompositions"],
)
def test_rows_come_back_as_they_were_written(tmp_path: Path, schema: TableSchema, rows: list[object]) -> None:
    with TableWriter(tmp_path, schema, rows_per_shard=2) as table:
        for row in rows:
            table.add(row)
    assert list(read_rows(tmp_path, schema)) == rows
    assert count_rows(tmp_path) == len(rows)


@dataclasses.dataclass(frozen=True, slots=True)
class Score:
    """A row that another package might define."""

    name: str
    parts: tuple[float, ...]


def test_a_table_of_another_package_is_written_and_read(tmp_path: Path) -> None:
    schema = TableSchema(
        "scores", pa.schema([pa.field("name", pa.string(), False), ("parts", pa.list_(pa.float64()))]), ("name",), Score
    )
    with TableWriter(tmp_path, schema) as table:
        table.add(Score("a", (0.5, 1.0)))
    assert list(read_rows(tmp_path, schema)) == [Score("a", (0.5, 1.0))]


def test_polars_and_datasets_read_what_we_write(tmp_path: Path) -> None:
    import datasets

    rows = [a_decomposition(number) for number in range(5)]
    with TableWriter(tmp_path / "table", DECOMPOSITIONS, rows_per_shard=2) as table:
        for row in rows:
            table.add(row)
    ours = [record for batch in read_table(tmp_path / "table", DECOMPOSITIONS) for record in batch.to_pylist()]

    by_pattern = polars.scan_parquet(f"{tmp_path}/table/part-*.parquet").collect()
    assert by_pattern.to_dicts() == ours == scan(tmp_path / "table").collect().to_dicts()

    files = sorted(str(path) for path in (tmp_path / "table").glob("part-*.parquet"))
    loaded = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.to_list() == ours


def test_shards_are_named_on_after_those_of_an_earlier_run(tmp_path: Path) -> None:
    write(tmp_path, [a_trace(number) for number in range(5)], rows_per_shard=2)
    write(tmp_path, [a_trace(5)])
    assert [path.name for path in tables.shards(tmp_path)] == [f"part-0000{number}.parquet" for number in range(4)]
    assert [row.trace_id for row in read_rows(tmp_path, TRACES)] == [f"t{number}" for number in range(6)]


def test_a_shard_says_which_table_and_version_it_is(tmp_path: Path) -> None:
    write(tmp_path, [a_trace()])
    file = pq.ParquetFile(tmp_path / "part-00000.parquet")
    assert file.schema_arrow.metadata[b"rlkd.table"] == b"traces"
    assert file.schema_arrow.metadata[b"rlkd.version"] == __version__.encode()
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_an_exception_leaves_what_was_added(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), TableWriter(tmp_path, TRACES) as table:
        table.add(a_trace(0))
        table.reject(a_trace(1), "no_steps")
        raise KeyboardInterrupt
    assert are_done(tmp_path, TRACES, ("t0",), ("t1",))


def test_rejected_rows_are_kept_with_their_reason(tmp_path: Path) -> None:
    with TableWriter(tmp_path, TRACES) as table:
        table.add(a_trace(0))
        table.reject(a_trace(1), "too_long", "9 tokens")
        table.reject(a_trace(2), "no_steps")
        assert table.counts == {"ok": 1, "rejected:too_long": 1, "rejected:no_steps": 1}
    (batch,) = read_table(tmp_path, TRACES, ["trace_id", "reason", "detail"], rejected=True)
    assert [list(record.values()) for record in batch.to_pylist()] == [
        ["t1", "too_long", "9 tokens"],
        ["t2", "no_steps", None],
    ]
    assert outcome_counts(tmp_path, TRACES) == {"ok": 1, "rejected:too_long": 1, "rejected:no_steps": 1}
    assert [row.trace_id for row in read_rows(tmp_path, TRACES)] == ["t0"]


def test_rejected_rows_are_done_too(tmp_path: Path) -> None:
    assert are_done(tmp_path, DECOMPOSITIONS)
    with TableWriter(tmp_path, DECOMPOSITIONS) as table:
        table.add(a_decomposition(0))
        table.reject(a_decomposition(1), "no_steps")
    assert are_done(tmp_path, DECOMPOSITIONS, *((f"t{n}", "local:gsrm", "abc") for n in range(2)))


def test_a_writer_holds_no_more_rows_than_a_shard(tmp_path: Path) -> None:
    with TableWriter(tmp_path, TRACES, rows_per_shard=3) as table:
        for number in range(10):
            table.add(a_trace(number))
            assert count_rows(tmp_path) == (number + 1) // 3 * 3


KILLED = """
import os, signal, sys
from pathlib import Path
import pyarrow.parquet as pq
sys.path.insert(0, {here!r})
from test_tables import TRACES, TableWriter, a_trace

table = TableWriter(Path({folder!r}), TRACES, rows_per_shard=2)
table.add(a_trace(0)); table.add(a_trace(1))
whole = pq.write_table
def half(rows, file, **options):
    file.write(b"PAR1 and then the power went"); file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
pq.write_table = half
table.add(a_trace(2)); table.add(a_trace(3))
"""


def test_a_writer_killed_within_a_shard_leaves_whole_shards_and_is_cleaned_up_after(tmp_path: Path) -> None:
    script = KILLED.format(here=str(Path(__file__).parent), folder=str(tmp_path))
    ended = subprocess.run([sys.executable, "-c", script], env=os.environ, check=False)
    assert ended.returncode == -signal.SIGKILL
    (left,) = tmp_path.glob(".part*.tmp")
    assert are_done(tmp_path, TRACES, ("t0",), ("t1",))
    assert polars.scan_parquet(f"{tmp_path}/part-*.parquet").select(polars.len()).collect().item() == 2

    write(tmp_path, [a_trace(2), a_trace(3)])
    assert not left.exists()
    assert [row.trace_id for row in read_rows(tmp_path, TRACES)] == ["t0", "t1", "t2", "t3"]


def test_a_shard_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    table = TableWriter(tmp_path, TRACES)
    table.add(a_trace(reasoning=None))
    with pytest.raises(pa.ArrowInvalid, match="reasoning"):
        table.flush()
    assert [path.name for path in tmp_path.iterdir()] == ["rejected"]


def test_half_of_a_surrogate_pair_does_not_stop_a_shard(tmp_path: Path) -> None:
    write(tmp_path, [a_trace(0, reasoning="half \ud83d, whole 🙂"), a_trace(1)])
    first, second = read_rows(tmp_path, TRACES)
    assert first.reasoning == "half \ufffd, whole 🙂"
    assert second == a_trace(1)


def one_line(error: pytest.ExceptionInfo[TableError], *parts: object) -> None:
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert str(part) in message


def test_a_folder_that_is_none_or_holds_no_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError) as error:
        list(read_rows(tmp_path / "nowhere", TRACES))
    one_line(error, tmp_path / "nowhere", "does not exist")
    with pytest.raises(TableError) as error:
        list(read_rows(tmp_path, TRACES))
    one_line(error, tmp_path, "part-*.parquet")


def test_a_table_of_rejected_rows_alone_says_so(tmp_path: Path) -> None:
    with TableWriter(tmp_path, TRACES) as table:
        table.reject(a_trace(), "no_steps")
    with pytest.raises(TableError) as error:
        list(read_rows(tmp_path, TRACES))
    one_line(error, tmp_path / "rejected", "rejected")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not parquet at all, not at all", None], ids=lambda c: repr(c)[:12])
def test_a_file_that_is_not_whole_is_named(tmp_path: Path, content: bytes | None) -> None:
    shard = write(tmp_path, [a_trace()]) / "part-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-100] if content is None else content)
    for read in (lambda: list(read_rows(tmp_path, TRACES)), lambda: done_digests(tmp_path, TRACES)):
        with pytest.raises(TableError) as error:
            read()
        one_line(error, shard, "not a whole Parquet file", "run the stage that wrote it again")
    with pytest.raises(TableError):
        count_rows(tmp_path)


def test_a_damaged_page_is_named(tmp_path: Path) -> None:
    shard = write(tmp_path, [a_trace(number) for number in range(100)]) / "part-00000.parquet"
    content = bytearray(shard.read_bytes())
    content[40:400] = b"\xff" * 360
    shard.write_bytes(content)
    with pytest.raises(TableError) as error:
        list(read_rows(tmp_path, TRACES))
    one_line(error, shard, "damaged")


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    shard = rewrite(write(tmp_path, [a_trace()]), {}, without=("reasoning",))
    with pytest.raises(TableError) as error:
        list(read_rows(tmp_path, TRACES))
    one_line(error, shard, "'reasoning' is missing", "traces")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("reasoning", pa.array([3])),
        ("is_correct", pa.array(["yes"])),
        ("sampling", pa.array(["temperature=1"])),
        ("usage", pa.array([{"prompt_tokens": "ten"}])),
        ("created_at", pa.array([datetime(2026, 1, 1)], pa.timestamp("us"))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_column_of_another_type_is_named(tmp_path: Path, name: str, values: pa.Array) -> None:
    shard = rewrite(write(tmp_path, [a_trace()]), {name: values})
    with pytest.raises(TableError) as error:
        list(read_rows(tmp_path, TRACES))
    one_line(error, shard, repr(name), values.type)


def test_a_null_where_none_may_be_is_named(tmp_path: Path) -> None:
    shard = rewrite(write(tmp_path, [a_trace()]), {"reasoning": pa.array([None], pa.string())})
    with pytest.raises(TableError) as error:
        list(read_rows(tmp_path, TRACES))
    one_line(error, shard, "'reasoning'", "1 null")


def test_a_column_that_is_not_asked_for_is_not_checked(tmp_path: Path) -> None:
    rewrite(write(tmp_path, [a_trace()]), {}, without=("reasoning",))
    assert are_done(tmp_path, TRACES, ("t0",))


def test_columns_that_an_older_table_lacks_are_null(tmp_path: Path) -> None:
    with TableWriter(tmp_path, DECOMPOSITIONS) as table:
        table.add(a_decomposition(1))
    without_spans = pa.array([[{"index": 1, "meta_reasoning": "m", "sub_problem": "q", "answer": "a"}]])
    rewrite(tmp_path, {"steps": without_spans}, without=("cost_usd", "usage"))
    (row,) = read_rows(tmp_path, DECOMPOSITIONS)
    assert (row.cost_usd, row.usage) == (None, None)
    assert row.steps == (Step(1, "m", "q", "a", None, None),)


@pytest.mark.parametrize("older_first", [True, False])
def test_shards_of_two_versions_are_scanned_as_one_table(tmp_path: Path, older_first: bool) -> None:
    """An interrupted stage that a newer version continues has both."""
    changed = pa.array([{"temperature": 0.5, "top_p": 1.0}])  # as before there were seeds
    for number in (0, 1):
        write(tmp_path, [a_trace(number, server="http://a")])
    old = tmp_path / f"part-0000{0 if older_first else 1}.parquet"
    table = pq.read_table(old).drop_columns(["server", "controls"])
    pq.write_table(table.set_column(table.schema.get_field_index("sampling"), "sampling", changed), old)
    found = scan(tmp_path).sort("trace_id").collect()
    assert found["trace_id"].to_list() == ["t0", "t1"]
    assert found["server"].to_list() == ([None, "http://a"] if older_first else ["http://a", None])
    assert scan(tmp_path).filter(polars.col("trace_id") == "t1").select("controls", "sampling").collect().height == 1


def test_tables_that_polars_wrote_are_read(tmp_path: Path) -> None:
    rows = [a_decomposition(number) for number in range(3)]
    with TableWriter(tmp_path / "ours", DECOMPOSITIONS) as table:
        for row in rows:
            table.add(row)
    (tmp_path / "theirs").mkdir()
    scan(tmp_path / "ours").sink_parquet(tmp_path / "theirs" / "part-00000.parquet")
    assert list(read_rows(tmp_path / "theirs", DECOMPOSITIONS)) == rows


def test_other_layouts_of_the_same_values_are_read(tmp_path: Path) -> None:
    nanoseconds = pa.array([1_700_000_000_000_000_123], pa.timestamp("ns", "UTC"))
    change = {
        "domain": pa.array(["math"]).dictionary_encode(),
        "usage": pa.nulls(1),
        "cost_usd": pa.array([0.5], pa.float32()),
        "created_at": nanoseconds,
    }
    rewrite(write(tmp_path, [a_trace()]), change)
    (row,) = read_rows(tmp_path, TRACES)
    assert (row.domain, row.usage, row.cost_usd) == ("math", None, 0.5)
    assert row.created_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
