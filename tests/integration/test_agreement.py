"""Several annotations of the same traces, scores and trees, as a user asks for them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from rlkd_data.schema import BRANCHES, DECOMPOSITIONS
from rlkd_data.tables import count_rows, read_rows
from tests.support.annotator import steps_of
from tests.support.cli import cli
from tests.support.servers import RunningServer, running_openai_server
from tests.support.traces import made_trace, write_made_traces

ROOT = Path(__file__).resolve().parents[2]


def decompose(server: RunningServer, tmp_path: Path, *more: object) -> subprocess.CompletedProcess[str]:
    model = ["--annotator", "openai:m", "--base-url", server.base_url, "--store", tmp_path / "store.sqlite"]
    return cli("decompose", tmp_path / "traces", "--out", tmp_path / "out", *model, *more)


def figures(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "stage.json").read_text("utf-8"))["result"]["figures"]
    return found


def test_annotations_with_other_seeds_are_compared(tmp_path: Path) -> None:
    write_made_traces(tmp_path / "traces", [made_trace(number) for number in range(10, 16)])
    more = ["--agreement", 3, "--agreement-sample", 4, "--judge-kind", "equal", "--repairs", 0]
    with running_openai_server(reply_function="tests.support.annotator:fickle") as server:
        # The checks would reject what leaves the last step out; here it shall be compared.
        done = decompose(server, tmp_path, *more, "--reject", "no_steps")
        assert done.returncode == 0, done.stderr
        assert server.stats()["total"] == 6 + 2 * 4
        again = decompose(server, tmp_path, *more, "--reject", "no_steps")
        assert again.returncode == 0 and server.stats()["total"] == 14
    told = figures(tmp_path / "out")
    assert told["agreement: traces compared"] == 4 and told["agreement: annotations"] == 3
    # 3 steps, 2 and 2: pairs share 2, 2 and 2 of 5, 5 and 4 steps.
    assert told["agreement: matched-step F1"] == 2 * 6 / 14 and told["agreement: step counts"] == 0.0
    assert count_rows(tmp_path / "out") == 6, "the further annotations stand apart"
    assert {len(row.steps) for row in read_rows(tmp_path / "out" / "agreement" / "2", DECOMPOSITIONS)} == {2}


def test_an_estimate_counts_the_further_annotations(tmp_path: Path) -> None:
    write_made_traces(tmp_path / "traces", [made_trace(number) for number in range(10, 16)])
    more = ["--agreement", 3, "--agreement-sample", 4, "--estimate", "--estimate-sample", 2]
    with running_openai_server(reply_function="tests.support.annotator:faithful") as server:
        told = decompose(server, tmp_path, *more)
        assert told.returncode == 0 and server.stats()["total"] == 2, told.stderr
        assert "requests to ask: 12 (2 more" in told.stdout and "not counted" not in told.stdout
        by_another = ["--agreement-annotator", "openai:n", "--judge-kind", "llm", "--judge", "openai:j"]
        told = decompose(server, tmp_path, *more, *by_another, "--store", tmp_path / "2.sqlite")
        assert server.stats()["total"] == 2 + 2 + 2 and not (tmp_path / "out").exists()
    asked = [line for line in told.stdout.splitlines() if line.startswith(("openai:", "requests"))]
    counts = [line.partition(" (")[0] for line in asked]
    assert (
        counts == ["openai:m:", "requests to ask: 4", "openai:n:", "requests to ask: 6"]
        and "not counted: what" in told.stdout
    )


def test_flags_for_agreement_alone_are_refused_without_it(tmp_path: Path) -> None:
    for flags in (["--agreement-annotator", "openai:n"], ["--agreement-sample", 4], ["--judge-kind", "equal"]):
        refused = cli("decompose", tmp_path, "--out", tmp_path / "out", "--annotator", "openai:m", *flags)
        assert refused.returncode == 2 and len(refused.stderr.strip().splitlines()) == 1, refused.stderr
        assert "--agreement 2" in refused.stderr and "got" not in refused.stderr


def test_scores_and_trees_from_the_command_line_reach_the_card(tmp_path: Path) -> None:
    ways = [made_trace(10), made_trace(10, reasoning=f"{made_trace(10).reasoning}\n\nSo 73 it is.")]
    write_made_traces(tmp_path / "traces", ways)
    gold = [{"question": s.sub_problem, "answer": s.answer} for s in steps_of(ways[0].reasoning)]
    row = {"id": "g", "problem": ways[0].problem, "answer": "73", "steps": gold}
    (tmp_path / "gold.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    with running_openai_server(reply_function="tests.support.annotator:faithful") as server:
        assert decompose(server, tmp_path).returncode == 0
    for _ in range(2):
        scored = cli("score", tmp_path / "out", "--gold", tmp_path / "gold.jsonl", "--judge-kind", "equal")
        assert scored.returncode == 0, scored.stderr
    assert "nothing to do" in scored.stderr
    other = cli("score", tmp_path / "out", "--gold", tmp_path / "gold.jsonl")  # another judge: the place is its own
    assert other.returncode == 0 and figures(tmp_path / "out" / "score")["step recall"] == 1.0
    tree = cli("branches", tmp_path / "out", "--out", tmp_path / "tree", "--judge-kind", "equal")
    assert tree.returncode == 0, tree.stderr
    nodes = list(read_rows(tmp_path / "tree", BRANCHES))
    assert [len(node.traces) for node in nodes] == [2, 2, 2, 1]
    folders = [tmp_path / name for name in ("traces", "out", "tree")]
    dry = ["--repo-id", "me/set", "--dry-run", "--out", tmp_path / "push"]
    published = cli("publish", *folders, *dry)
    assert published.returncode == 0, published.stderr
    card = (tmp_path / "push" / "README.md").read_text("utf-8")
    assert "score: step F1" in card and "branches" in card and list((tmp_path / "push" / "branches").rglob("*.parquet"))


def test_a_missing_gold_file_leaves_nothing_behind(tmp_path: Path) -> None:
    write_made_traces(tmp_path / "traces", [made_trace(10)])
    with running_openai_server(reply_function="tests.support.annotator:faithful") as server:
        assert decompose(server, tmp_path).returncode == 0
    missing = cli("score", tmp_path / "out", "--gold", tmp_path / "none.jsonl", "--out", tmp_path / "scores")
    assert missing.returncode == 2 and len(missing.stderr.strip().splitlines()) == 1
    assert "Traceback" not in missing.stderr and not (tmp_path / "scores").exists()
