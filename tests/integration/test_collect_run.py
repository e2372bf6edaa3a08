"""`rlkd-data collect` through its command line: from files, and from teachers in another process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlkd_data.schema import TRACES
from rlkd_data.tables import REJECTED, is_table, read_rows, read_table
from tests.support.cli import cli
from tests.support.servers import running_anthropic_server, running_openai_server

ROWS = Path(__file__).parents[1] / "data" / "collect"


def collect(*arguments, status=0, **environment):
    """What the command said, on both channels; one line and no traceback where it failed."""
    done = cli("collect", *arguments, folder=Path.cwd(), **environment)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def table(out):
    return list(read_rows(out, TRACES)) if is_table(out) else []


def rejected(out):
    """(problem, reason) of every rejected row."""
    if not is_table(out / REJECTED):
        return []
    batches = read_table(out, TRACES, ["problem", "reason"], rejected=True)
    return [(row["problem"], row["reason"]) for batch in batches for row in batch.to_pylist()]


def problems(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def script(path, **answers):
    """A reply file: what is answered to a prompt that holds a word."""
    path.write_text(json.dumps([{"contains": word} | answer for word, answer in answers.items()]))
    return path


def by_seed(body):
    """Right for even seeds, and longer the greater the seed is; the tests' server calls it."""
    seed = body["seed"]
    return {"text": f"The answer is \\boxed{{{4 if seed % 2 == 0 else 5}}}.", "reasoning": "Hm. " * (9 - seed)}


def test_from_a_source(tmp_path):
    said = collect(ROWS / "math500.jsonl", "--out", tmp_path / "t", "--license", "MIT")
    rows = table(tmp_path / "t")
    assert "ok 4" in said and [row.is_correct for row in rows] == [True] * 4
    assert {(row.source, row.license, row.teacher) for row in rows} == {("math500.jsonl", "MIT", "human:math")}
    assert "nothing to do" in collect(ROWS / "math500.jsonl", "--out", tmp_path / "t", "--license", "MIT")
    assert len(table(tmp_path / "t")) == 4


def test_what_a_source_says_of_itself_stays(tmp_path):
    collect(ROWS / "prm_steps.jsonl", "--out", tmp_path / "t", "--license", "unknown")
    (row, *_) = table(tmp_path / "t")
    assert row.source.startswith("ssmisya/PRMBench:") and "@" in row.source and row.license.startswith("Apache-2.0")


def test_rows_of_a_source_that_cannot_be_used_are_kept_with_the_reason(tmp_path):
    rows = json.loads((ROWS / "published_layouts.json").read_text())["openr1-math"]
    source = problems(tmp_path / "s.jsonl", *rows, rows[0], {"generations": []})
    said = collect(source, "--out", tmp_path / "t")
    assert [row.sampling.sample_index for row in table(tmp_path / "t")] == [1, 1]
    assert sorted(rejected(tmp_path / "t")) == [
        ("", "no_problem"),
        ("What is 2 + 3 + 4?", "repeated"),
        ("What is 7 * 8?", "no_verified_generation"),
    ]
    assert "rejected:repeated 1" in said


def test_several_traces_of_a_source_and_the_best_of_them(tmp_path):
    rows = json.loads((ROWS / "published_layouts.json").read_text())["openr1-math"][:1]
    source = problems(tmp_path / "s.jsonl", *rows)
    collect(source, "--samples", 9, "--out", tmp_path / "all")
    assert [(row.sampling.sample_index, row.pass_rate) for row in table(tmp_path / "all")] == [(1, 0.75), (3, 0.75)]
    collect(source, "--samples", 9, "--keep", "best", "--out", tmp_path / "best")
    assert [row.sampling.sample_index for row in table(tmp_path / "best")] == [3]
    collect(source, "--max-pass-rate", "0.5", "--out", tmp_path / "hard", status=2)
    assert rejected(tmp_path / "hard") == [("What is 2 + 3 + 4?", "too_easy")]


def test_mapped_columns(tmp_path):
    source = problems(
        tmp_path / "s.jsonl", {"Q": {"text": "What is 2 + 2?"}, "gold": "4", "cot": "2 + 2 = 4. The answer is 4."}
    )
    mapping = ["--map", "Q.text=problem", "--map", "gold=answer", "--map", "cot=response"]
    collect(source, *mapping, "--out", tmp_path / "t")
    (row,) = table(tmp_path / "t")
    assert (row.problem, row.answer, row.is_correct) == ("What is 2 + 2?", "4", True)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "think"])
def test_from_a_teacher_that_gives_its_reasoning_in_any_way(tmp_path, field):
    answers = script(
        tmp_path / "a.json",
        two={"text": "It is \\boxed{4}.", "reasoning": "Two and two."},
        three={"text": "It is \\boxed{5}.", "reasoning": "Three and three."},
        cut={"text": "It", "reasoning": "On and", "finish_reason": "length"},
        bad={"text": "I cannot.", "finish_reason": "refusal"},
    )
    asked = [{"problem": word, "answer": "4"} for word in ("two", "three", "cut", "bad")]
    source, out = problems(tmp_path / "s.jsonl", *asked, asked[0]), tmp_path / "t"
    with running_openai_server(reply_file=answers, reasoning=field) as server:
        flags = ["--teacher", "openai:m", "--base-url", server.base_url, "--store", tmp_path / "s.sqlite"]
        collect(source, *flags, "--out", out)
        assert server.stats()["total"] == 4
        assert "nothing to do" in collect(source, *flags, "--out", out)
        collect(source, *flags, "--keep", "correct", "--out", tmp_path / "correct")
        assert server.stats()["total"] == 4  # another selection of the same replies costs nothing
    found = {row.problem: row for row in table(out)}
    assert (found["two"].reasoning, found["two"].response) == ("Two and two.", "It is \\boxed{4}.")
    assert [found[name].is_correct for name in ("two", "three")] == [True, False]
    assert [found[name].pass_rate for name in ("two", "three")] == [1.0, 0.0]
    assert found["two"].usage.completion_tokens > 0 and found["two"].teacher == "openai:m"
    assert sorted(rejected(out)) == [("bad", "refused"), ("cut", "truncated"), ("two", "repeated")]
    assert [row.problem for row in table(tmp_path / "correct")] == ["two"]
    assert ("three", "incorrect") in rejected(tmp_path / "correct")


@pytest.mark.parametrize("thinking", ["thinking", "redacted"])
def test_from_a_teacher_with_thinking_blocks(tmp_path, thinking):
    source = problems(tmp_path / "s.jsonl", {"problem": "two", "answer": "4"})
    answers = script(tmp_path / "a.json", two={"text": "It is \\boxed{4}.", "reasoning": "Two and two."})
    with running_anthropic_server(reply_file=answers, thinking=thinking) as server:
        flags = ["--teacher", "anthropic:m", "--base-url", server.base_url, "--store", tmp_path / "s.sqlite"]
        collect(source, *flags, "--out", tmp_path / "t")
    (row,) = table(tmp_path / "t")
    assert row.reasoning == "Two and two." and row.response == "It is \\boxed{4}." and row.is_correct


def test_samples_have_pass_rates_and_the_best_is_kept(tmp_path):
    source = problems(tmp_path / "s.jsonl", {"problem": "What is 2 + 2?", "answer": "4"})
    with running_openai_server(reply_function="tests.integration.test_collect_run:by_seed") as server:
        flags = [
            "--teacher",
            "openai:m",
            "--base-url",
            server.base_url,
            "--store",
            tmp_path / "s.sqlite",
            "--samples",
            5,
        ]
        said = collect(source, *flags, "--out", tmp_path / "all")
        collect(source, *flags, "--keep", "best", "--out", tmp_path / "best")
        collect(source, *flags, "--min-pass-rate", "0.7", "--out", tmp_path / "easy", status=2)
        assert server.stats()["total"] == server.stats()["unique"] == 5
    rows = table(tmp_path / "all")
    assert sorted((row.sampling.seed, row.sampling.sample_index) for row in rows) == [(n, n) for n in range(5)]
    assert {row.pass_rate for row in rows} == {0.6} and "pass_rate: 0.6" in said
    (best,) = table(tmp_path / "best")
    assert best.sampling.sample_index == 4 and best.is_correct  # of the right ones the shortest
    reasons = [reason for _, reason in rejected(tmp_path / "best")]
    assert sorted(reasons) == ["incorrect", "incorrect", "not_kept", "not_kept"]
    assert [reason for _, reason in rejected(tmp_path / "easy")] == ["too_hard"] * 5


def test_a_source_whose_own_trace_is_of_no_use_still_gives_its_problem_to_a_teacher(tmp_path):
    rows = json.loads((ROWS / "published_layouts.json").read_text())["openr1-math"]
    source = problems(tmp_path / "s.jsonl", *rows)
    with running_openai_server() as server:
        flags = ["--teacher", "openai:m", "--base-url", server.base_url, "--store", tmp_path / "s.sqlite"]
        collect(source, *flags, "--out", tmp_path / "t")
    assert {row.problem for row in table(tmp_path / "t")} == {row["problem"] for row in rows}


def test_a_request_that_the_server_will_not_take_is_a_rejected_row(tmp_path):
    source = problems(tmp_path / "s.jsonl", *({"problem": f"p{n}", "answer": "4"} for n in range(6)))
    store, out = tmp_path / "s.sqlite", tmp_path / "t"
    settings = ["--teacher", "openai:m", "--store", store, "--samples", 2, "--concurrency", 2, "--out", out]
    with running_openai_server(fault=["400:5"]) as server:
        collect(source, *settings, "--base-url", server.base_url)
    assert len(table(out)) == 10 and len(rejected(out)) == 2


def test_an_outage_is_status_1_and_the_same_command_asks_for_the_rest(tmp_path):
    source = problems(tmp_path / "s.jsonl", *({"problem": f"p{n}", "answer": "4"} for n in range(6)))
    out = tmp_path / "t"
    program = (
        "import sys; from pathlib import Path; from rlkd_data.run.command import run_app; "
        "from rlkd_data.config import CollectSettings; from rlkd_data.run.stage import run_stage; "
        "from rlkd_data.run.stages import COLLECT; "
        "run_app(lambda: run_stage(COLLECT, CollectSettings(source=sys.argv[1], teacher='openai:m', samples=2, "
        "base_url=sys.argv[2], store=Path(sys.argv[3]), concurrency=2, max_retries=int(sys.argv[5])), "
        "Path(sys.argv[4])))"
    )

    def run(server, retries):
        arguments = [source, server.base_url, tmp_path / "s.sqlite", out, retries]
        command = [sys.executable, "-c", program, *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, env=os.environ | {"OPENAI_API_KEY": "k"}, check=False
        )

    with running_openai_server(fault=["500:5"]) as server:
        first = run(server, 0)
        assert first.returncode == 1 and "the same command asks for the rest" in first.stderr
        kept, answered = len(table(out)), server.stats()["answered"]
        assert answered == 10 and kept % 2 == 0 and 0 < kept < 12  # a problem is written whole
        second = run(server, 8)
        assert second.returncode == 0, second.stderr
        assert server.stats()["answered"] == 12
    rows = table(out)
    assert len(rows) == 12 and len({(row.problem_id, row.sampling.sample_index) for row in rows}) == 12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.jsonl"], "no source 'missing.jsonl'"),
        (["gsm8l"], "did you mean 'gsm8k'?"),
        (["broken.jsonl", "--strict"], "broken.jsonl:2 is not JSON"),
        (["empty.jsonl"], "holds no rows"),
        (["good.jsonl", "--adapter", "nothing"], "unknown adapter 'nothing'"),
        (
            ["strange.jsonl"],
            "no adapter reads the columns that, this: they are most likely read with --map this=problem",
        ),
        (["good.jsonl", "--map", "prblem=problem"], "no column 'prblem': did you mean 'problem'?"),
        (["good.jsonl", "--map", "problem=problme"], "no field 'problme': did you mean 'problem'?"),
        (["good.jsonl", "--map", "problem"], "write it as COLUMN=FIELD"),
        (["good.jsonl", "--map", "problem=problem", "--adapter", "limo"], "leave one of them out"),
        (["good.jsonl", "--keep", "most"], "keep"),
        (["good.jsonl", "--min-pass-rate", "1.5"], "min_pass_rate"),
        (["good.jsonl", "--min-pass-rate", "0.5", "--max-pass-rate", "0.1"], "exchange min and max"),
        (["good.jsonl", "--teacher", "gpt-4o"], "names no backend"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    problems(tmp_path / "good.jsonl", {"problem": "p", "answer": "1", "response": "The answer is 1."})
    problems(tmp_path / "strange.jsonl", {"this": "p", "that": "1"})
    (tmp_path / "broken.jsonl").write_text('{"problem": "p"}\n{"problem": \n')
    (tmp_path / "empty.jsonl").write_text("\n")
    said = collect(*arguments, "--out", "t", status=2)
    assert message in said and said.count("error:") == 1
