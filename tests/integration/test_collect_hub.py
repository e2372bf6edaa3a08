"""A Hub data set streamed from a server that speaks the Hub's protocol, in another process."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rlkd_data.schema import TRACES
from rlkd_data.tables import is_table, read_rows
from tests.support.dataset_hub import COMMIT
from tests.support.forked import Forked

ROOT = Path(__file__).resolve().parents[2]
ROWS = [json.loads(line) for line in (ROOT / "tests/data/collect/math500.jsonl").read_text("utf-8").splitlines()]
CARD = "---\nlicense: cc0-1.0\n---\nWritten for a test.\n"


@contextmanager
def hub(folder, *flags):
    process = Forked(["tests.support.dataset_hub", str(folder), "org/set", *flags], os.environ, ROOT)
    try:
        yield f"http://127.0.0.1:{process.first_line()}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text(CARD)
    for number in range(2):
        rows = [row | {"problem": f"{row['problem']} ({number})"} for row in ROWS]
        pq.write_table(pa.Table.from_pylist(rows), folder / f"data/test-0000{number}-of-00002.parquet")
    return folder


def collect(endpoint, cache, *arguments):
    """The exit status and what was said. The libraries' own waiting between tries is cut short."""
    program = (
        "import time, types; import datasets.config as c; import huggingface_hub.utils._http as h; "
        "c.STREAMING_READ_MAX_RETRIES = 2; c.STREAMING_READ_RETRY_INTERVAL = 0; "
        "h.time = types.SimpleNamespace(**vars(time) | {'sleep': lambda seconds: None}); "
        "from rlkd_data.cli import main; main()"
    )
    environment = os.environ | {"HF_ENDPOINT": endpoint, "HF_HOME": str(cache), "HF_HUB_DISABLE_XET": "1"}
    environment.pop("HF_HUB_OFFLINE", None)
    command = [sys.executable, "-c", program, "collect", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


def test_rows_come_with_the_commit_and_the_licence_of_the_card(tmp_path, repository):
    with hub(repository) as endpoint:
        status, said = collect(endpoint, tmp_path / "hf", "org/set", "--split", "test", "--out", tmp_path / "t")
    assert status == 0, said
    rows = list(read_rows(tmp_path / "t", TRACES))
    assert len(rows) == 8 and all(row.is_correct for row in rows)
    assert {(row.source, row.license) for row in rows} == {(f"org/set@{COMMIT}", "cc0-1.0")}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["org/set", "--split", "train"], "train"),
        (["org/set", "--split", "test", "--revision", "v9"], "cannot be read"),
        (["org/other", "--split", "test"], "cannot be read"),
    ],
)
def test_what_is_not_on_the_hub_is_one_line_and_status_2(tmp_path, repository, flags, message):
    with hub(repository) as endpoint:
        status, said = collect(endpoint, tmp_path / "hf", *flags, "--out", tmp_path / "t")
    assert status == 2 and message in said, said
    assert sum(line.startswith("error:") for line in said.splitlines()) == 1


def test_a_hub_that_cannot_be_reached_is_one_line_and_status_2(tmp_path):
    status, said = collect("http://127.0.0.1:9", tmp_path / "hf", "org/set", "--out", tmp_path / "t")
    assert status == 2 and "cannot be read" in said, said


def test_a_connection_that_breaks_is_status_1_and_the_same_command_goes_on(tmp_path, repository):
    big = pa.Table.from_pylist(
        [ROWS[0] | {"problem": f"p{n}", "solution": os.urandom(2000).hex()} for n in range(5000)]
    )
    pq.write_table(big, repository / "data/test-00001-of-00002.parquet", row_group_size=500)
    flags = ["org/set", "--split", "test", "--limit", "2000", "--out", tmp_path / "t"]
    with hub(repository, "--drop-after", "4") as endpoint:
        status, said = collect(endpoint, tmp_path / "hf", *flags)
    assert status == 1, said
    assert "broke off after row" in said and "the same command goes on" in said
    before = len(list(read_rows(tmp_path / "t", TRACES))) if is_table(tmp_path / "t") else 0
    with hub(repository) as endpoint:
        status, said = collect(endpoint, tmp_path / "hf", *flags)
    assert status == 0, said
    assert len(list(read_rows(tmp_path / "t", TRACES))) == 2000 > before
