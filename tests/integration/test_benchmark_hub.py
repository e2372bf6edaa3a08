"""A benchmark by its name, from a server that speaks the Hub's protocol: the commit of the table, and no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rlkd_train.evaluate.benchmarks import benchmarks
from tests.support.forked import Forked

ROOT = Path(__file__).resolve().parents[2]
ROWS = [json.loads(line) for line in (ROOT / "tests/data/collect/math500.jsonl").read_text("utf-8").splitlines()]
MATH500 = benchmarks()["math500"]
PROGRAM = """
import json
from rlkd_data.errors import InputError
from rlkd_train.config import EvalSettings
from rlkd_train.evaluate.asked import asked
try:
    found = asked(EvalSettings(model="openai:m", benchmark=["math500"]))
    print(json.dumps([[task.answer for task in found.tasks], found.told]))
except InputError as error:
    print(json.dumps(str(error)))
"""


@pytest.mark.parametrize("commit", [MATH500.revision, "a" * 40])
def test_a_benchmark_is_read_at_the_commit_of_the_table_or_not_at_all(tmp_path: Path, commit: str) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "README.md").write_text("---\nlicense: cc0-1.0\n---\nWritten for a test.\n")
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "test-00000-of-00001.parquet")
    hub = Forked(["tests.support.dataset_hub", str(folder), MATH500.hub, "--commit", commit], os.environ, ROOT)
    try:
        endpoint = f"http://127.0.0.1:{hub.first_line()}"
        changes = {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1"}
        environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"} | changes
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, check=False, timeout=120
        )
    finally:
        hub.kill()
        hub.wait()
    said = json.loads(done.stdout)
    if commit != MATH500.revision:
        assert said.startswith("benchmark math500: Hub data set") and "--benchmark math500=PATH" in said
        return
    answers, told = said
    assert answers == [row["answer"] for row in ROWS]
    where = f"{len(ROWS)} problems of HuggingFaceH4/MATH-500@{commit} test, licence mit"
    assert told["benchmark math500"].startswith(where)
    assert f"{len(ROWS)} problems were read, and it has 500" in done.stderr
