from pathlib import Path

import pyarrow as pa
import pytest

from rlkd_data.errors import InputError
from rlkd_data.publish.found import Found
from rlkd_data.publish.plan import columns_differ, metadata_configs, parse_splits, plan, stale

COLUMNS = pa.schema([("trace_id", pa.string()), ("steps", pa.list_(pa.int64()))])


def table(name: str, folder: str, *, rejected: bool = False, schema: pa.Schema = COLUMNS, shards: int = 1) -> Found:
    files = tuple(Path(folder) / f"part-{n:05d}.parquet" for n in range(shards))
    return Found(name, rejected, Path(folder), files, schema, {})


def test_tables_become_configurations_with_the_rejected_rows_last() -> None:
    tables = [
        table("traces", "/a/traces", rejected=True),
        table("traces", "/a/traces"),
        table("decompositions", "/a/steps"),
    ]
    assert [config.name for config in plan(tables, {})] == ["decompositions", "traces", "traces_rejected"]


def test_folders_of_one_table_stand_side_by_side_and_a_split_is_named_by_folder() -> None:
    tables = [table("traces", "/a/traces", shards=2), table("traces", "/b/traces"), table("traces", "/a/held_out")]
    (config,) = plan(tables, parse_splits(["test=held_out"]))
    assert config.splits == ("train", "test")
    assert [path for part in config.parts for path, _ in part.files()] == [
        "traces/train/traces/part-00000.parquet",
        "traces/train/traces/part-00001.parquet",
        "traces/train/traces-2/part-00000.parquet",
        "traces/test/held_out/part-00000.parquet",
    ]


def test_wrong_splits_are_refused() -> None:
    for text in ("test", "test=", "a b=x", "=x"):
        with pytest.raises(InputError, match="NAME=FOLDER"):
            parse_splits([text])
    with pytest.raises(InputError, match=r"no table in a folder 'heldout' \(there are: traces\)"):
        plan([table("traces", "/a/traces")], {"heldout": "test"})


def test_one_configuration_has_one_set_of_columns() -> None:
    other = table("traces", "/b/older", schema=pa.schema([("trace_id", pa.string())]))
    with pytest.raises(InputError, match="column 'steps' is in one alone"):
        plan([table("traces", "/a/traces"), other], {})
    assert columns_differ(COLUMNS, pa.schema(list(COLUMNS)[::-1])) is None
    assert "is string in one and int64 in the other" in str(
        columns_differ(pa.schema([("a", pa.string())]), pa.schema([("a", pa.int64())]))
    )


def test_what_the_hub_has_besides_stays_in_the_card() -> None:
    configs = plan([table("traces", "/a/traces")], {})
    kept = [
        {"config_name": "extra", "data_files": "extra/*.csv", "default": True},
        {
            "config_name": "traces",
            "data_files": [{"split": "train", "path": "old/*"}, {"split": "test", "path": "traces/test/*/*.parquet"}],
        },
    ]
    ours, extra = metadata_configs(configs, kept)
    assert [file["path"] for file in ours["data_files"]] == ["traces/train/*/*.parquet", "traces/test/*/*.parquet"]
    assert extra == {"config_name": "extra", "data_files": "extra/*.csv", "default": True}
    assert "default" not in ours


def test_only_files_of_pushed_splits_are_stale() -> None:
    configs = plan([table("traces", "/a/traces")], {})
    there = [
        "README.md",
        "traces/train/traces/part-00000.parquet",
        "traces/train/traces/part-00001.parquet",
        "traces/train/older/part-00000.parquet",
        "traces/test/held_out/part-00000.parquet",
        "extra/train/x/part-00000.parquet",
    ]
    assert stale(configs, there) == [
        "traces/train/traces/part-00001.parquet",
        "traces/train/older/part-00000.parquet",
    ]
