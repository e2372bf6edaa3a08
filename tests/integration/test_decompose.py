"""`rlkd-data decompose` as a user runs it, against servers in processes of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.schema import DECOMPOSITIONS, Decomposition
from rlkd_data.structure.as_json import SCHEMA
from rlkd_data.tables import read_rows, read_table
from tests.support.cli import cli
from tests.support.servers import RunningServer, running_anthropic_server, running_openai_server
from tests.support.traces import made_trace, write_made_traces

ROOT = Path(__file__).resolve().parents[2]


def decompose(server: RunningServer, tmp_path: Path, *more: object, out: str = "out", backend: str = "openai") -> Any:
    arguments = ["--out", tmp_path / out, "--annotator", f"{backend}:m", "--base-url", server.base_url]
    return cli("decompose", tmp_path / "traces", *arguments, "--store", tmp_path / "store.sqlite", *more)


def rows(folder: Path) -> list[Decomposition]:
    return list(read_rows(folder, DECOMPOSITIONS))


def rejected(folder: Path) -> list[dict[str, Any]]:
    return [row for batch in read_table(folder, DECOMPOSITIONS, rejected=True) for row in batch.to_pylist()]


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    return write_made_traces(tmp_path / "traces", [made_trace(number) for number in range(10, 16)])


@pytest.mark.parametrize(
    ("backend", "start"), [("openai", running_openai_server), ("anthropic", running_anthropic_server)]
)
def test_every_trace_is_decomposed_and_a_second_run_does_nothing(
    backend: str, start: Any, traces: Path, tmp_path: Path
) -> None:
    with start(reply_function="tests.support.annotator:faithful") as server:
        version = ("--model-version", "1")
        first = decompose(server, tmp_path, *version, backend=backend)
        assert first.returncode == 0, first.stderr
        assert server.stats()["total"] == 6
        second = decompose(server, tmp_path, *version, backend=backend)
        assert second.returncode == 0 and "nothing to do" in second.stderr
        # another folder: the same version's replies are all from the store
        elsewhere = decompose(server, tmp_path, *version, out="again", backend=backend)
        assert elsewhere.returncode == 0 and server.stats()["total"] == 6
    for row in rows(tmp_path / "out"):
        assert row.status == "ok" and row.issues == () and len(row.steps) == 3
        assert (row.coverage, row.ordered, row.turns, row.repairs, row.pieces) == (1.0, True, 1, 0, 1)
        assert row.usage is not None and row.usage.completion_tokens > 0
        assert row.steps[0].span_start == 0
    told = sorted((row.trace_id, row.steps) for row in rows(tmp_path / "out"))
    assert sorted((row.trace_id, row.steps) for row in rows(tmp_path / "again")) == told


@pytest.mark.parametrize(
    ("backend", "start"), [("openai", running_openai_server), ("anthropic", running_anthropic_server)]
)
def test_the_structured_variant_ends_in_the_same_steps(backend: str, start: Any, traces: Path, tmp_path: Path) -> None:
    with start(reply_function="tests.support.annotator:faithful") as server:
        assert decompose(server, tmp_path, backend=backend).returncode == 0
        done = decompose(server, tmp_path, "--format", "json", out="json", backend=backend)
        assert done.returncode == 0, done.stderr
        body = server.stats()["last"]["body"]
    sent = body["response_format"]["json_schema"] if backend == "openai" else body["output_config"]["format"]
    assert sent["schema"] == SCHEMA
    tagged, structured = ({row.trace_id: row for row in rows(tmp_path / name)} for name in ("out", "json"))
    assert {key: row.steps for key, row in tagged.items()} == {key: row.steps for key, row in structured.items()}
    assert {row.prompt_id for row in tagged.values()}.isdisjoint(row.prompt_id for row in structured.values())
    assert all(row.raw.startswith("{") for row in structured.values())


def test_a_reply_that_was_cut_off_is_continued_not_restarted(traces: Path, tmp_path: Path) -> None:
    with running_openai_server(reply_function="tests.support.annotator:cut_off") as server:
        done = decompose(server, tmp_path)
        assert done.returncode == 0, done.stderr
        last = server.stats()["last"]["body"]["messages"]
    assert [message["role"] for message in last[-3:]] == ["user", "assistant", "user"]
    assert "exactly where you stopped" in last[-1]["content"]
    for row in rows(tmp_path / "out"):
        assert len(row.steps) == 3 and row.turns is not None and row.turns > 1 and row.repairs == 0
        assert row.usage is not None and row.usage.completion_tokens >= len(row.raw.split()) - row.turns


def test_a_reply_that_fails_a_check_is_repaired_and_the_row_says_so(traces: Path, tmp_path: Path) -> None:
    with running_openai_server(reply_function="tests.support.annotator:sloppy") as server:
        done = decompose(server, tmp_path, "--model-version", "1")
        assert done.returncode == 0, done.stderr
        assert server.stats()["total"] == 12
        unmended = decompose(server, tmp_path, "--repairs", 0, "--model-version", "1", out="unmended")
        assert unmended.returncode == 2 and server.stats()["total"] == 12  # the first replies come from the store
    found = rows(tmp_path / "out")
    assert len(found) == 6 and all((row.repairs, row.turns) == (1, 2) for row in found)
    left = rejected(tmp_path / "unmended")
    assert len(left) == 6 and {row["reason"] for row in left} == {"no_markers"}
    assert all(row["raw"].startswith("First it counts") and row["repairs"] == 0 for row in left)


def test_a_long_trace_is_cut_and_merged_without_duplicate_or_lost_steps(tmp_path: Path) -> None:
    paragraphs = [
        f"Part {n}: the value {n * 37} is taken and {n * 37} + 1 = {n * 37 + 1} is found." for n in range(400)
    ]
    long = made_trace(1, reasoning="\n\n".join(paragraphs), final_answer=None, answer=None)
    write_made_traces(tmp_path / "traces", [long])
    with running_openai_server(reply_function="tests.support.annotator:faithful") as server:
        done = decompose(server, tmp_path, "--window", 6000)
        assert done.returncode == 0, done.stderr
        assert server.stats()["total"] > 3
    [row] = rows(tmp_path / "out")
    assert [step.answer for step in row.steps] == paragraphs
    assert row.pieces == row.turns and row.pieces is not None and row.pieces > 3
    assert row.coverage == 1.0 and row.ordered
    assert row.raw.count("\f") == row.pieces - 1


def test_hostile_replies_become_rows_with_codes(tmp_path: Path) -> None:
    write_made_traces(tmp_path / "traces", [made_trace(number) for number in range(60)])
    with running_openai_server(reply_function="tests.support.annotator:hostile") as server:
        done = decompose(server, tmp_path, "--repairs", 2)
    assert done.returncode == 0, done.stderr
    left = rejected(tmp_path / "out")
    assert len(rows(tmp_path / "out")) + len(left) == 60
    assert all(row["reason"] in row["issues"] for row in left)
    assert {"refused", "wrong_final", "no_markers", "missing_part"} & {row["reason"] for row in left}
    assert all(row.steps and row.final_answer == row.answer for row in rows(tmp_path / "out"))


def test_an_outage_is_no_rejection_and_the_same_command_asks_for_the_rest(traces: Path, tmp_path: Path) -> None:
    with running_openai_server(reply_function="tests.support.annotator:faithful", fault=["401"]) as server:
        done = decompose(server, tmp_path)
        assert done.returncode == 1 and "OPENAI_API_KEY" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out" / "rejected" / "part-00000.parquet").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-folder", "--annotator", "openai:m"], "does not exist"),
        (["--annotator", "openai:m"], "nothing to decompose"),
        (["{traces}"], "no annotator"),
        (["{traces}", "--annotator", "gpt-4o"], "names no backend"),
        (["{traces}", "--annotator", "local:gsrm-smollm2", "--format", "json"], "no JSON variant"),
        (["{traces}", "--annotator", "openai:m", "--format", "xml"], "format"),
        (["{traces}", "--annotator", "openai:m", "--reject", "ugly"], "reject"),
        (["{traces}", "--from-reference", "x.jsonl"], "not both"),
        (["--from-reference", "no-such.jsonl"], "no file"),
    ],
)
def test_wrong_input_is_one_clear_line(arguments: list[str], said: str, traces: Path, tmp_path: Path) -> None:
    given = [argument.replace("{traces}", str(traces)) for argument in arguments]
    done = cli("decompose", *given, "--out", tmp_path / "o", "--store", tmp_path / "s.sqlite")
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert done.returncode == 2 and len(errors) == 1 and said in errors[0], done.stderr
    assert "Traceback" not in done.stderr


REFERENCE = """[Meat-reasoning 1]: The eggs of six days come first.-
[Sub-problem 1]: How many eggs are laid on six days?
[Answer 1]: 60

[Meat-reasoning 2]: Sunday differs.-
[Sub-problem 2]: How many eggs are laid on Sunday?
[Answer 2]: 13

[Meat-reasoning 3]: Both are known.-
[Sub-problem 3]: How many eggs in all?
[Answer 3]: 73
So the final answer is:
-73."""


def test_files_of_the_reference_implementation_are_imported(tmp_path: Path) -> None:
    trace = made_trace(10)
    base = {"domain": "math", "problem": trace.problem, "deepseek_reasoning": trace.reasoning}
    older = REFERENCE.replace("Meat-reasoning", "sub-think").replace("Sub-problem", "Query")
    prompt = f"Decompose it.\n\n[Question]: \n{trace.problem}\nYou should decompose this reasoning:\n{trace.reasoning}"
    messages = [
        {"role": "user", "content": prompt},
        {"role": "assistant", "content": f"[Response]:\n{REFERENCE}</answer>\n<|endoftext|>"},
    ]
    records: list[Any] = [
        base | {"generated_content": REFERENCE},
        base | {"generated_content": older},
        {"question": trace.problem, "generations": ["<think>no</think>0", f"<think>{trace.reasoning}</think>It is 73."],
         "correctness_math_verify": [False, True], "generated_content": REFERENCE.replace("Meat", "Meta")},
        {"messages": messages},
        base | {"generated_content": REFERENCE.replace("73", "99")},
        base | {"generated_content": "I cannot."},
        base,
        {"generated_content": REFERENCE},
    ]  # fmt: skip
    file = tmp_path / "reference.jsonl"
    file.write_text("\n".join(json.dumps(record) for record in records) + '\n{"problem": "cut o', "utf-8")
    done = cli("decompose", "--from-reference", file, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    found = rows(tmp_path / "out")
    assert len(found) == 4
    for row in found:
        assert [step.answer for step in row.steps] == ["60", "13", "73"] and row.final_answer == "73"
        assert row.steps[0].meta_reasoning == "The eggs of six days come first."
        assert row.problem == trace.problem and row.annotator == "reference" and row.steps[0].span_start is not None
    reasons = sorted(row["reason"] for row in rejected(tmp_path / "out"))
    assert reasons == ["invented_answer", "no_decomposition", "no_markers", "no_problem", "not_json"]
    again = cli("decompose", "--from-reference", file, "--out", tmp_path / "out")
    assert again.returncode == 0 and "nothing to do" in again.stderr


@pytest.mark.model
@pytest.mark.slow
def test_the_shipped_gsrm_decomposes(tmp_path: Path) -> None:
    write_made_traces(tmp_path / "traces", [made_trace(number) for number in (10, 11)])
    arguments = ["--annotator", "local:gsrm-smollm2", "--max-tokens", 240, "--store", tmp_path / "s.sqlite"]
    done = cli("decompose", tmp_path / "traces", "--out", tmp_path / "out", *arguments)
    assert done.returncode == 0, done.stderr
    left = rejected(tmp_path / "out") if (tmp_path / "out" / "rejected" / "part-00000.parquet").exists() else []
    found = rows(tmp_path / "out")
    assert len(found) + len(left) == 2 and found
    assert all(row.steps and row.repairs == 0 and row.turns and row.coverage is not None for row in found)
