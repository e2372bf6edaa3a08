"""`rlkd-data publish` against a server that speaks the Hub's protocol, and what is read back from it."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from rlkd_data.schema import DECOMPOSITIONS, TRACES
from rlkd_data.tables import TableWriter
from tests.support.report_rows import REASONING, decomposed, trace, write_run, write_stage
from tests.support.servers import RunningServer, running_hub_server

ROOT = Path(__file__).resolve().parents[2]
TOKEN, REPO = "hf_only-for-this-test", "org/traces"

_READ = """
import json, sys
from datasets import load_dataset
from huggingface_hub import snapshot_download
import polars

repo = sys.argv[1]
folder = snapshot_download(repo, repo_type="dataset")
found = []
for config, split, local in json.loads(sys.argv[2]):
    rows = load_dataset(repo, config, split=split)
    there = polars.scan_parquet(f"{folder}/{config}/{split}/*/*.parquet").collect()
    here = polars.scan_parquet(f"{local}/part-*.parquet").collect()
    assert there.equals(here), "polars reads other rows"
    assert rows.to_list() == here.to_dicts(), "datasets reads other rows"
    found.append(len(rows))
print(json.dumps(found))
"""


def environment(server: RunningServer, home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    return kept | {
        "HF_ENDPOINT": server.base_url,
        "HF_TOKEN": TOKEN,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }


def command(*arguments: str | Path) -> list[str]:
    code = "import sys; from rlkd_data.cli import main; sys.argv[0] = 'rlkd-data'; main()"
    return [sys.executable, "-c", code, *map(str, arguments)]


def publish(server: RunningServer, home: Path, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command("publish", *arguments, "--repo-id", REPO),
        env=environment(server, home),
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def read(server: RunningServer, home: Path, *splits: tuple[str, str, Path]) -> list[int]:
    """Rows of each (configuration, split) as they come from the server, which must be those of the local folder."""
    asked = json.dumps([(config, split, str(local)) for config, split, local in splits])
    done = subprocess.run(
        [sys.executable, "-c", _READ, REPO, asked],
        env=environment(server, home),
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[int] = json.loads(done.stdout)
    return found


def tables(folder: Path, count: int = 12) -> tuple[Path, Path]:
    """Traces in shards of four rows, one rejected; and decompositions of them."""
    rows = [trace(f"t{n}", reasoning=f"{REASONING} Row {n} 😀 {'why ' * n}") for n in range(count)]
    with TableWriter(folder / "traces", TRACES, rows_per_shard=4) as table:
        for row in rows:
            table.add(row)
        table.reject(replace(rows[0], trace_id="cut"), "truncated", "the reply ends at the token limit")
    with TableWriter(folder / "steps", DECOMPOSITIONS) as table:
        for row in rows:
            table.add(decomposed(row))
    return folder / "traces", folder / "steps"


@pytest.mark.slow
def test_pushed_tables_are_read_back_row_by_row_through_a_503_and_a_429(tmp_path: Path) -> None:
    traces, steps = tables(tmp_path)
    faults = ["503:create", "429:preupload", "503:batch", "503:put", "429:commit", "503:info", "429:verify"]
    with running_hub_server(tmp_path / "hub", token=TOKEN, chunk=3000, fault=faults) as server:
        pushed = publish(server, tmp_path / "home", traces, steps, "--private")
        assert pushed.returncode == 0, pushed.stderr
        stats = server.stats()
        assert set(stats["faults"]) == set(faults)
        assert stats["parts"] and set(stats["stored"].values()) == {1}
        repo = stats["repos"][f"datasets/{REPO}"]
        assert repo["private"] and len(repo["commits"]) == 2  # the empty one of every repository, and ours
        rejected = ("traces_rejected", "train", traces / "rejected")
        splits = [("traces", "train", traces), ("decompositions", "train", steps), rejected]
        assert read(server, tmp_path / "home", *splits) == [12, 12, 1]
        again = publish(server, tmp_path / "home", traces, steps)
        assert again.returncode == 0, again.stderr
        assert server.stats()["repos"][f"datasets/{REPO}"]["commits"] == repo["commits"]


def test_a_push_that_was_killed_goes_on_without_a_second_copy(tmp_path: Path) -> None:
    traces, steps = tables(tmp_path)
    with running_hub_server(tmp_path / "hub", hold_after=2) as server:
        client = subprocess.Popen(
            command("publish", traces, steps, "--repo-id", REPO),
            env=environment(server, tmp_path / "home"),
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while sum((stats := server.stats())["stored"].values()) < 2 or not stats["held"]:
            assert client.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(client.pid, signal.SIGKILL)
        client.wait()
        assert len(server.stats()["repos"][f"datasets/{REPO}"]["commits"]) == 1  # nothing is visible yet
        urllib.request.urlopen(f"{server.base_url}/release", b"").close()
        again = publish(server, tmp_path / "home", traces, steps)
        assert again.returncode == 0, again.stderr
        stats = server.stats()
        assert len(stats["stored"]) == 5 and set(stats["stored"].values()) == {1}
        assert stats["asked"]["put"] <= 5 + stats["held"]
        assert read(server, tmp_path / "home", ("traces", "train", traces)) == [12]


def test_a_later_push_replaces_its_splits_and_keeps_what_it_does_not_hold(tmp_path: Path) -> None:
    traces, steps = tables(tmp_path)
    with TableWriter(tmp_path / "fewer" / "traces", TRACES) as table:
        table.add(trace("new"))
    with running_hub_server(tmp_path / "hub") as server:
        home = tmp_path / "home"
        first = publish(server, home, traces, steps, "--split", "test=steps", "--revision", "v2/next")
        assert first.returncode == 0, first.stderr
        assert len(server.stats()["repos"][f"datasets/{REPO}"]["branches"]) == 2
        assert server.stats()["repos"][f"datasets/{REPO}"]["files"] == []  # main was left alone
        assert publish(server, home, traces, steps, "--split", "test=steps").returncode == 0
        second = publish(server, home, tmp_path / "fewer" / "traces")
        assert second.returncode == 0, second.stderr
        fewer = ("traces", "train", tmp_path / "fewer" / "traces")
        assert read(server, home, fewer, ("decompositions", "test", steps)) == [1, 12]
        files = server.stats()["repos"][f"datasets/{REPO}"]["files"]
        assert [name for name in files if name.startswith("traces/")] == ["traces/train/traces/part-00000.parquet"]


def test_the_hub_refuses_in_one_line(tmp_path: Path) -> None:
    traces, _ = tables(tmp_path)
    other = tmp_path / "other" / "traces"
    with TableWriter(other, replace(TRACES, arrow=TRACES.arrow.remove(4))) as table:
        table._rows.append({k: v for k, v in _record(trace("x")).items() if k != "answer"})
    with running_hub_server(tmp_path / "hub", token=TOKEN) as server:
        assert publish(server, tmp_path / "home", traces).returncode == 0
        refused = publish(server, tmp_path / "home", other)
        assert refused.returncode == 2
        assert "configuration 'traces' with other columns: column 'answer' is in one alone" in refused.stderr
        strange = environment(server, tmp_path / "home") | {"HF_TOKEN": "hf_another"}
        done = subprocess.run(
            command("publish", traces, "--repo-id", "org/new"), env=strange, check=False, capture_output=True, text=True
        )
        assert done.returncode == 2 and "your token may not do this" in done.stderr
        assert "hf_another" not in done.stderr and "Traceback" not in done.stderr


def _record(row: object) -> dict[str, object]:
    from rlkd_data.records import to_record

    return to_record(row)


@pytest.mark.parametrize("repo", ["no-owner", "a/b/c", "org/bad name"])
def test_a_wrong_name_is_refused_before_anything_is_read(tmp_path: Path, repo: str) -> None:
    done = subprocess.run(
        command("publish", tmp_path, "--repo-id", repo, "--dry-run", "--out", tmp_path / "out"),
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and done.stderr.startswith("error:") and done.stderr.count("\n") == 1


def test_a_trained_model_is_pushed_with_its_card(tmp_path: Path) -> None:
    run = write_run(tmp_path / "sft", [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}])
    write_stage(run, "sft", settings={"model": "org/base", "traces": []})
    (run / "model").mkdir()
    (run / "model" / "config.json").write_text("{}")
    (run / "model" / "model.safetensors").write_bytes(b"weights" * 1000)
    code = "import sys; from rlkd_train.cli import main; sys.argv[0] = 'rlkd-train'; main()"
    with running_hub_server(tmp_path / "hub", fault=["503:commit"]) as server:
        done = subprocess.run(
            [sys.executable, "-c", code, "publish", str(run), "--repo-id", "org/student", "--license", "mit"],
            env=environment(server, tmp_path / "home"),
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        repo = server.stats()["repos"]["models/org/student"]
        assert repo["files"] == ["README.md", "config.json", "figures/loss.svg", "model.safetensors"]
        assert len(repo["commits"]) == 2
        with urllib.request.urlopen(f"{server.base_url}/org/student/resolve/main/model.safetensors") as response:
            assert response.read() == b"weights" * 1000
