"""Local files of every kind: read row by row, in bounded memory, and refused in one line."""

import csv
import gzip
import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rlkd_data.collect.files import read_files
from rlkd_data.errors import InputError

ROWS = [{"problem": f"What is {n} + {n}?", "answer": str(2 * n), "response": "é" * n} for n in range(30)]


def write(path, rows):
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    match "".join(path.suffixes):
        case ".jsonl":
            path.write_text(lines)
        case ".jsonl.gz":
            path.write_bytes(gzip.compress(lines.encode(), mtime=0))
        case ".jsonl.zst":
            path.write_bytes(pa.Codec("zstd").compress(lines.encode(), asbytes=True))
        case ".json":
            path.write_text(json.dumps(rows, indent=1))
        case ".csv" | ".csv.gz":
            with (gzip.open if path.suffix == ".gz" else open)(path, "wt", newline="") as stream:
                table = csv.DictWriter(stream, list(rows[0]))
                table.writeheader()
                table.writerows(rows)
        case ".parquet":
            pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=7)
    return path


ENDINGS = [".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".csv", ".csv.gz", ".parquet"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_rows_come_as_they_were_written(tmp_path, ending):
    path = write(tmp_path / f"rows{ending}", ROWS)
    assert [dict(record) for _, record in read_files(path)] == ROWS


def test_a_folder_is_read_in_the_order_of_its_names_without_what_is_no_row(tmp_path):
    (tmp_path / "rejected").mkdir()
    for name in ("b.jsonl", "a.json", "rejected/c.jsonl"):
        write(tmp_path / name, [{"problem": name}])
    (tmp_path / "stage.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("no rows")
    assert [record["problem"] for _, record in read_files(tmp_path)] == ["a.json", "b.jsonl"]


def test_a_byte_order_mark_is_no_fault(tmp_path):
    for name, text in (("a.json", '\ufeff[{"problem": "p"}]'), ("b.jsonl", '\ufeff\n{"problem": "p"}\n')):
        (tmp_path / name).write_text(text, "utf-8")
        assert [record for _, record in read_files(tmp_path / name)] == [{"problem": "p"}]


def test_a_csv_field_may_be_as_long_as_a_trace(tmp_path):
    rows = [{"problem": "p", "response": "x" * 500_000}]
    assert [dict(record) for _, record in read_files(write(tmp_path / "a.csv", rows))] == rows
    assert csv.field_size_limit() == 131_072


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"problem": "p"}\n{"problem"\n', "a.jsonl:2 is not JSON"),
        ("a.jsonl", b"[1]\n", "a.jsonl:1 is not a row of named columns but a list"),
        ("a.jsonl", b'{"problem": "\xff"}\n', "a.jsonl:1 is not JSON"),
        ("a.jsonl", b"[" * 200_000, "a.jsonl:1 is not JSON"),
        ("a.json", b'{"problem": "p"}', "must hold a list of rows"),
        ("a.json", b"", "must hold a list of rows"),
        ("a.json", b'[{"problem": "p"}, {"prob', "a.json:row 2 is not JSON"),
        ("a.json", b"[3]", "a.json:row 1 is not a row of named columns"),
        ("a.csv", b"problem\n\xff\xfe\n", "is not UTF-8 CSV"),
        ("a.jsonl.gz", b"no gzip", "a.jsonl.gz cannot be read"),
        ("a.jsonl.gz", gzip.compress(b'{"problem": "p"}\n' * 99, mtime=0)[:-20], "a.jsonl.gz cannot be read"),
        ("a.jsonl.zst", b"no zstd", "a.jsonl.zst cannot be read"),
        ("a.parquet", b"no parquet", "is not a whole Parquet file"),
        ("a.txt", b"text", "cannot read .txt"),
        ("a", b"text", "cannot read a file without ending"),
    ],
)
def test_a_broken_file_is_named_in_one_line(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as raised:
        list(read_files(tmp_path / name))
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_an_empty_folder_says_what_it_may_hold(tmp_path):
    with pytest.raises(InputError, match=r"holds no \.jsonl"):
        read_files(tmp_path)


_PEAK = """
import resource, sys
from pathlib import Path
from rlkd_data.collect.files import read_files
import ijson, pyarrow.parquet
next(read_files(Path(sys.argv[1])))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = sum(1 for _ in read_files(Path(sys.argv[2])))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("ending", [".jsonl", ".json", ".csv", ".jsonl.gz", ".parquet"])
def test_memory_does_not_grow_with_the_rows(tmp_path, ending):
    """60 MB of rows in a process that has read a few: what it takes more is far less than the rows."""
    rows = [{"problem": f"p{n}", "response": f"{n} " + "x" * 3000} for n in range(20_000)]
    small, large = (write(tmp_path / f"{name}{ending}", some) for name, some in (("s", rows[:200]), ("l", rows)))
    found = subprocess.run([sys.executable, "-c", _PEAK, small, large], capture_output=True, text=True, check=True)
    count, kilobytes = map(int, found.stdout.split())
    assert count == 20_000 and kilobytes < 25_000
