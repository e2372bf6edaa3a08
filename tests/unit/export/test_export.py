"""Tables as files for other trainers: read back they are the same problems and replies."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from rlkd_data.collect.rows import read_traces
from rlkd_data.collect.sources import open_source
from rlkd_data.config import CollectSettings
from rlkd_data.errors import InputError
from rlkd_data.export.examples import Choice
from rlkd_data.export.run import ENDINGS, export
from rlkd_data.export.shapes import SHAPES
from rlkd_data.schema import DECOMPOSITIONS, TRACES, Decomposition, Sampling, Step, Trace
from rlkd_data.structure.parse import parse
from rlkd_data.tables import TableWriter

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def trace(name, **changed):
    row = Trace(
        trace_id=name,
        problem_id="of " + name,
        problem=f"What is {name} and 2?\n“Say.”",
        domain="math",
        answer="4",
        reasoning=f"{name} and 2 are four.\n\nSo 4.",
        response="It is \\boxed{4}.",
        final_answer="4",
        is_correct=True,
        verification="equal",
        teacher="a-teacher",
        source="a-source",
        license="cc0-1.0",
        sampling=Sampling(),
        finish_reason="stop",
        usage=None,
        cost_usd=None,
        created_at=NOW,
    )
    return replace(row, **changed)


@pytest.fixture
def traces(tmp_path):
    with TableWriter(tmp_path / "traces", TRACES) as writer:
        writer.add(trace("1"))
        writer.add(trace("2", is_correct=False, answer=None))
        writer.add(trace("3", finish_reason="length"))
        writer.add(trace("4", reasoning=" ", response=""))
        writer.add(trace("5", problem_id="of 1", reasoning="Say </think> and <think>."))
    return tmp_path / "traces"


@pytest.fixture
def steps(tmp_path):
    step = Step(1, "Begin with the sum.", "What is 1 and 2?", "3")
    row = Decomposition(
        "1", "of 1", "What is 1 and 2?", "math", "3", "an-annotator", "p", (step,), "3", "ok", (), "", None, None, NOW
    )
    with TableWriter(tmp_path / "steps", DECOMPOSITIONS) as writer:
        writer.add(row)
        writer.add(replace(row, trace_id="gone"))
    return tmp_path / "steps"


def records(path):
    return [record for _, record in open_source(CollectSettings(source=str(path), adapter="chat")).records]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "verl"])
def test_what_is_exported_is_collected_again(tmp_path, traces, shape, ending):
    out = tmp_path / f"out{ending}"
    done = export(traces, shape, str(out))
    assert (done.written, done.left_out) == (3, {"truncated": 1, "empty": 1})
    settings = CollectSettings(source=str(out))
    source = open_source(settings)
    found = [draft.trace for where, record in source.records for draft in read_traces(settings, source, where, record)]
    first = trace("1")
    assert [row.problem for row in found] == [trace(name).problem for name in "125"]
    for name in ("problem", "reasoning", "response", "final_answer", "answer", "teacher", "source", "license"):
        assert getattr(found[0], name) == getattr(first, name)
    assert found[2].reasoning == "Say /think and think."


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_verl_has_each_problem_with_a_gold_answer_once(tmp_path, traces, ending):
    done = export(traces, "verl", str(tmp_path / f"out{ending}"))
    assert done.left_out == {"truncated": 1, "empty": 1, "no_answer": 1, "same_problem": 1}
    (row,) = records(tmp_path / f"out{ending}")
    assert row["reward_model"] == {"style": "rule", "ground_truth": "4"} and row["data_source"] == "a-source"
    assert row["extra_info"]["index"] == 0 and row["extra_info"]["license"] == "cc0-1.0"
    assert row["extra_info"]["response"].startswith("<think>\n1 and 2")


def test_reasoning_may_stand_beside_the_reply_or_nowhere(tmp_path, traces):
    out = str(tmp_path / "out.jsonl")
    export(traces, "messages", out, Choice(only_correct=True, thought="beside", asked="student"))
    first, _ = records(out)
    asked, said = first["messages"]
    assert said == {"role": "assistant", "content": "It is \\boxed{4}.", "reasoning_content": trace("1").reasoning}
    assert asked["content"].startswith(trace("1").problem) and "\\boxed{}" in asked["content"]
    export(traces, "alpaca", out, Choice(thought="none"))
    assert [row["output"] for row in records(out)] == ["It is \\boxed{4}."] * 3


def test_decompositions_teach_to_reason_in_steps_or_to_decompose(tmp_path, steps, traces):
    out = str(tmp_path / "out.jsonl")
    assert export(steps, "messages", out).written == 2
    asked, said = records(out)[0]["messages"]
    assert asked["content"] == "What is 1 and 2?" and parse(said["content"]).final_answer == "3"
    done = export(steps, "prompt-completion", out, Choice(traces=traces))
    assert (done.written, done.left_out) == (1, {"no_trace": 1})
    (row,) = records(out)
    assert [turn["role"] for turn in row["prompt"]] == ["system", "user"]
    assert trace("1").reasoning in row["prompt"][1]["content"]
    assert row["completion"][0]["content"] == said["content"]


def test_the_columns_of_parquet_do_not_depend_on_the_rows(tmp_path, traces, steps):
    for table in (traces, steps):
        export(table, "alpaca", str(tmp_path / f"{table.name}.parquet"))
    first, second = (pq.read_schema(tmp_path / f"{name}.parquet") for name in ("traces", "steps"))
    assert first.equals(second)


def test_out_at_an_address(traces):
    import fsspec

    export(traces, "messages", "memory://bucket/out.jsonl.gz")
    lines = gzip.decompress(fsspec.filesystem("memory").cat("/bucket/out.jsonl.gz")).decode().splitlines()
    assert len(lines) == 3 and json.loads(lines[0])["id"] == "1"


@pytest.mark.parametrize(
    ("shape", "out", "choice", "message"),
    [
        ("chatml", "out.jsonl", Choice(), "--as chatml: there is no such shape; choose one of messages"),
        ("messages", "out.txt", Choice(), "must end in .jsonl"),
        ("alpaca", "out.jsonl", Choice(thought="beside"), "no place for reasoning beside the reply"),
        ("messages", "no/such/out.jsonl", Choice(), "cannot be written"),
        ("messages", "nowhere://bucket/out.jsonl", Choice(), "nowhere://bucket/out.jsonl"),
    ],
)
def test_what_cannot_be_exported_is_said_in_one_line(tmp_path, traces, shape, out, choice, message):
    with pytest.raises(InputError) as raised:
        export(traces, shape, out if "://" in out else str(tmp_path / out), choice)
    assert message in str(raised.value) and "\n" not in str(raised.value)
    assert {path.name for path in tmp_path.iterdir()} == {"traces"}


def test_nothing_is_written_where_nothing_comes_out(tmp_path):
    with TableWriter(tmp_path / "traces", TRACES) as writer:
        writer.add(trace("2", is_correct=False))
    (tmp_path / "out.jsonl").write_text("before")
    with pytest.raises(InputError, match=r"no row can be exported .*not_correct 1"):
        export(tmp_path / "traces", "messages", str(tmp_path / "out.jsonl"), Choice(only_correct=True))
    assert (tmp_path / "out.jsonl").read_text() == "before" and len(list(tmp_path.iterdir())) == 2


def test_a_reply_of_nothing_is_left_out(tmp_path):
    with TableWriter(tmp_path / "traces", TRACES) as writer:
        writer.add(trace("1"))
        writer.add(trace("2", response=" "))
    for thought, left in (("none", {"no_reply": 1}), ("tags", {}), ("beside", {})):
        assert (
            export(tmp_path / "traces", "messages", str(tmp_path / "o.jsonl"), Choice(thought=thought)).left_out == left
        )


def test_of_decompositions_their_traces_say_which_are_right_and_what_was_taken_apart(tmp_path, steps):
    out = tmp_path / "o.jsonl"
    with pytest.raises(InputError, match="--only-correct goes with --traces"):
        export(steps, "messages", str(out), Choice(only_correct=True))
    with TableWriter(tmp_path / "traces", TRACES) as writer:
        writer.add(trace("1", reasoning=" ", response="Worked out in the response."))
        writer.add(trace("gone", is_correct=False))
    assert export(steps, "messages", str(out), Choice(traces=tmp_path / "traces")).written == 2
    done = export(steps, "messages", str(out), Choice(only_correct=True, traces=tmp_path / "traces"))
    assert (done.written, done.left_out) == (1, {"not_correct": 1})
    assert "Worked out in the response." in out.read_text()
