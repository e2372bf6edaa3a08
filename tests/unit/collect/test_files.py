"""Local files of every kind: read row by row, in bounded memory, and refused in one line."""

import csv
import gzip
import json
import subprocess
import sys

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from rlkd_data.collect.adapters.base import Broken
from rlkd_data.collect.files import read_files, read_remote
from rlkd_data.collect.stored import Stored, unpacked
from rlkd_data.errors import InputError, RlkdError
from tests.support.report_rows import trace, write_traces

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
        ("a.jsonl", b"[" * 200_000, "a.jsonl:row 1 is not JSON"),
        ("a.json", b'[{"problem": "p"}, {"prob', "a.json:row 2 is not JSON"),
        ("a.csv", b"problem\n\xff\xfe\n", "is not UTF-8 CSV"),
        ("a.csv", b'problem,answer\np,1\n"open,2\nq,3\nr,4\n', "a.csv:row 2 is not CSV"),
        ("a.csv", b"problem,answer,answer\np,1,2\n", "two columns are called 'answer'"),
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


@pytest.mark.parametrize(
    "line", ["What is 1,000 + 2?,1002", "only a problem", '"A ruler is 3" long. How many?,3', '"open,2']
)
def test_a_csv_row_that_does_not_fit_its_header_is_broken_and_the_rest_goes_on(tmp_path, line):
    (tmp_path / "a.csv").write_text(f'\nproblem,answer\np,1\n\n"a, b\nc",2,,\n{line}\n')
    *whole, (where, broken) = read_files(tmp_path / "a.csv")
    assert [record for _, record in whole] == [{"problem": "p", "answer": "1"}, {"problem": "a, b\nc", "answer": "2"}]
    assert isinstance(broken, Broken) and broken["line"] == line and broken.detail.startswith(where)


def test_of_a_table_only_its_shards_are_rows(tmp_path):
    from rlkd_data.chat.money import ledger

    write_traces(tmp_path / "work" / "t", [trace("a")])
    ledger.save(tmp_path / "work" / "t", "job", {"tries": 3})
    (tmp_path / "work" / "t" / "notes.jsonl").write_text(ROW)
    assert [record["trace_id"] for _, record in read_files(tmp_path / "work" / "t")] == ["a"]
    (tmp_path / "work" / "t" / "notes.jsonl").unlink()
    assert len(list(read_files(tmp_path / "work"))) == 1


ROW, PRETTY = '{"problem": "p", "data": [1]}', '{\n "problem": "p",\n "data": [\n  1\n ]\n}\n'


@pytest.mark.parametrize("ending", [".json", ".jsonl"])
@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (f"{ROW}\n\n{ROW}\n", 2),
        (ROW, 1),
        (f"[{ROW},\n {ROW}]", 2),
        (f"[\n{PRETTY},{PRETTY}]", 2),
        (f'{{"version": "1", "data": [{ROW}, {ROW}]}}', 2),
        (f'{{"data":\n[\n{ROW}\n,{ROW}\n]}}\n', 2),
        (f'{{\n  "data": {{"rows": [{PRETTY}]}}\n}}', 1),
        (f'{{"features": [], "rows": [{{"row_idx": 0, "row": {ROW}, "truncated_cells": []}}]}}', 1),
        (PRETTY * 3, 3),
        ("[]", 0),
        ('{"data": []}', 0),
        ("", 0),
    ],
)
def test_the_content_says_how_rows_stand_in_a_json_file(tmp_path, ending, content, rows):
    (tmp_path / f"a{ending}").write_text(content)
    assert [record for _, record in read_files(tmp_path / f"a{ending}")] == [json.loads(ROW)] * rows


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_a_row_with_a_list_of_its_own_is_no_wrapper(tmp_path, name):
    rows = [{"messages": [{"role": "user", "content": "p"}]}, {"problem": "p", "examples": [{"a": 1}]}]
    for row in rows:
        (tmp_path / name).write_text(json.dumps(row))
        assert [record for _, record in read_files(tmp_path / name)] == [row]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"problem"', "a.jsonl:2 is not JSON"),
        (b"{broken", "a.jsonl:2 is not JSON"),
        (b'{"problem": "\xe4"}', "a.jsonl:2 is not UTF-8 (byte 0xe4)"),
        (b"[1]", "a.jsonl:2 is not a row of named columns but a list"),
        (b'{"a":' * 200_000, "a.jsonl:2 is not JSON"),
    ],
)
def test_a_line_that_holds_no_row_is_named_and_the_rest_goes_on(tmp_path, line, said):
    (tmp_path / "a.jsonl").write_bytes(b'{"problem": "p"}\n' + line + b'\n{"problem": "q"}\n')
    first, broken, last = [record for _, record in read_files(tmp_path / "a.jsonl")]
    assert (first, last) == ({"problem": "p"}, {"problem": "q"})
    assert isinstance(broken, Broken) and said in broken.detail and "\n" not in broken.detail


def test_the_first_line_may_be_the_broken_one(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'{"problem": "cut\n{"problem": "q"}\n')
    broken, last = [record for _, record in read_files(tmp_path / "a.jsonl")]
    assert isinstance(broken, Broken) and last == {"problem": "q"}


def test_a_cut_archive_is_read_as_far_as_it_goes(tmp_path):
    lines = b"".join(b'{"problem": "%064x"}\n' % (n * 0x9E3779B97F4A7C15**3) for n in range(999))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines, mtime=0)[:-2000])
    rows = read_files(tmp_path / "a.jsonl.gz")
    assert len([next(rows) for _ in range(500)]) == 500
    with pytest.raises(InputError, match=r"a\.jsonl\.gz cannot be read: Compressed file ended"):
        list(rows)


def test_files_at_an_address(tmp_path):
    system = fsspec.filesystem("memory")
    for name, content in (("b.jsonl.gz", gzip.compress(ROW.encode())), ("a.json", f"[{ROW}]".encode())):
        system.pipe(f"/bucket/set/{name}", content)
    write(tmp_path / "c.parquet", [{"problem": "c"}])
    system.pipe("/bucket/set/rejected/d.jsonl", b"no row")
    system.pipe("/bucket/set/c.parquet", (tmp_path / "c.parquet").read_bytes())
    found = list(read_remote("memory://bucket/set"))
    assert [where for where, _ in found][:2] == ["memory://bucket/set/a.json:row 1", "memory://bucket/set/b.jsonl.gz:1"]
    assert [record["problem"] for _, record in found] == ["p", "p", "c"]
    assert [record for _, record in read_remote("memory://bucket/set/a.json")] == [json.loads(ROW)]
    with pytest.raises(InputError, match="memory://bucket/nothing holds no"):
        read_remote("memory://bucket/nothing")
    with pytest.raises(InputError, match="nowhere://"):
        read_remote("nowhere://bucket")


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


class Ranges(AbstractBufferedFile):
    """A remote file as those of s3:// and hf:// are: read by ranges, its `readline` without a limit."""

    def _fetch_range(self, start, end):
        return self.fs.held[start:end]


class Bucket(AbstractFileSystem):
    protocol, held = "bucket", f"{ROW}\n".encode() * 3

    def info(self, path, **_):
        return {"name": path, "size": len(self.held), "type": "file"}

    def _open(self, path, mode="rb", **_):
        return Ranges(self, path, mode, size=len(self.held), block_size=64)


def test_a_file_that_is_read_by_ranges():
    fsspec.register_implementation("bucket", Bucket, clobber=True)
    assert [record for _, record in read_remote("bucket://set/a.jsonl")] == [json.loads(ROW)] * 3


def test_numbers_of_a_list_are_as_large_as_they_are(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([{"answer": 2**100, "share": 0.5}]))
    assert [row for _, row in read_files(tmp_path / "a.json")] == [{"answer": 2**100, "share": 0.5}]


def test_a_second_list_of_rows_is_not_dropped_in_silence(tmp_path):
    lists = {"data": [{"problem": "a", "steps": [{"q": 1}]}], "notes": ["x"], "examples": [{"problem": "b"}]}
    (tmp_path / "a.json").write_text(json.dumps(lists, indent=1))
    rows = read_files(tmp_path / "a.json")
    assert next(rows)[1]["problem"] == "a"
    with pytest.raises(InputError, match="stand in 'data', and others in 'examples'"):
        next(rows)


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (ConnectionResetError(104, "Connection reset by peer"), RlkdError),
        (TimeoutError(), RlkdError),
        (OSError(101, "Network is unreachable"), RlkdError),
        (FileNotFoundError(2, "No such file"), InputError),
        (gzip.BadGzipFile("not a gzipped file"), InputError),
        (EOFError("ended early"), InputError),
    ],
)
def test_a_lost_connection_may_pass_and_a_broken_file_stays_so(problem, kind):
    def fail():
        raise problem

    with pytest.raises(RlkdError) as raised, unpacked(Stored("s3://b/x.jsonl", fail)):
        pass
    assert type(raised.value) is kind
    with pytest.raises(InputError), unpacked(Stored("x.jsonl", fail)):
        pass


def test_a_csv_at_an_address_that_is_not_utf_8_is_the_user_s_to_mend():
    fsspec.filesystem("memory").pipe("/latin.csv", b"problem,answer\nok,1\nb\xff,2\n")
    with pytest.raises(InputError, match=r"latin\.csv:row . is not UTF-8"):
        list(read_remote("memory://latin.csv"))


@pytest.mark.parametrize("wrapped", ["%s", '{"data": %s}', "one after another"])
def test_what_is_no_number_is_not_there_and_stays_in_texts(tmp_path, wrapped):
    text = 'NaN: "a": NaN, \\" -Infinity \\\\'
    rows = [{"problem": text, "answer": float(value)} for value in ("1", "nan", "-inf", "inf")] * 1000
    stands = wrapped % json.dumps(rows) if "%" in wrapped else "\n".join(json.dumps(row, indent=1) for row in rows)
    (tmp_path / "a.json").write_text(stands)
    found = [dict(record) for _, record in read_files(tmp_path / "a.json")]
    assert found == [{"problem": text, "answer": answer} for answer in (1.0, None, None, None)] * 1000


def test_what_is_no_number_in_a_line_is_not_there(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"problem": "NaN", "answer": NaN}\n{"problem": "b", "answer": -Infinity}\n')
    assert [dict(record) for _, record in read_files(tmp_path / "a.jsonl")] == [
        {"problem": "NaN", "answer": None},
        {"problem": "b", "answer": None},
    ]
