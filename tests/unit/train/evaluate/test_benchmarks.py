"""Benchmarks by name: the table, how their records are read, and an evaluation of several."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from rlkd_data.answers.programs import read_tests
from rlkd_data.answers.verify import Job, quick
from rlkd_data.chat.open import BACKENDS
from rlkd_data.config import SamplingSettings
from rlkd_data.errors import InputError
from rlkd_data.tables import read_rows
from rlkd_train.config import EvalSettings
from rlkd_train.evaluate.benchmark_load import load
from rlkd_train.evaluate.benchmark_rows import NoProblem, read_row
from rlkd_train.evaluate.benchmarks import SUITES, Benchmark, benchmarks, meant
from rlkd_train.evaluate.card import recommended
from rlkd_train.evaluate.run import evaluate
from rlkd_train.evaluate.samples import SAMPLES
from tests.unit.train.evaluate.test_evaluate import WHOLE, Scripted

GPQA = {
    "Question": "Which is a noble gas?", "Correct Answer": "Argon\n", "Incorrect Answer 1": "Oxygen",
    "Incorrect Answer 2": "Iron", "Incorrect Answer 3": "Sulphur", "Record ID": "r1",
}  # fmt: skip
MMLU_PRO = {
    "question_id": 1, "question": "What is 2 + 3?", "options": ["4", "5", "6"], "answer": "B", "answer_index": 1,
    "cot_content": "", "category": "math", "src": "s",
}  # fmt: skip
OLYMPIAD = {"question": "Solve x^2 = 4.", "final_answer": ["$2$", "$-2$"], "is_multiple_answer": True, "unit": None}
GSM8K = {"question": "2 and 3?", "answer": "2 + 3 = <<2+3=5>>5\n#### 5"}


def packed(cases: list[dict[str, str]]) -> str:
    """As LiveCodeBench hides its tests."""
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(cases)))).decode()


def coding(**values: Any) -> dict[str, Any]:
    given = {"input": "1 2\n", "output": "3\n", "testtype": "stdin"}
    hidden = packed([{"input": "4 5\n", "output": "9\n", "testtype": "stdin"}])
    row = {
        "question_content": "Add two numbers.", "starter_code": "", "public_test_cases": json.dumps([given]),
        "private_test_cases": hidden, "metadata": "{}",
    }  # fmt: skip
    return row | values


def test_every_benchmark_says_where_it_is_from_and_how_it_is_asked_and_judged() -> None:
    assert benchmarks().keys() >= {
        "math500", "aime24", "aime25", "aime26", "hmmt25", "amc23", "gsm8k", "gpqa-diamond", "mmlu-pro",
        "olympiadbench", "livecodebench",
    }  # fmt: skip
    for one in benchmarks().values():
        assert one.hub.count("/") == 1 and (one.revision is None or len(one.revision) == 40)
    for suite in SUITES.values():
        assert set(suite) <= benchmarks().keys()


@pytest.mark.parametrize("change", [{"grader": "choice"}, {"reader": "shuffled"}, {"license_": "mit"}, {"problems": 0}])
def test_a_line_of_the_table_that_does_not_hold_together_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Benchmark(**(benchmarks()["math500"].model_dump() | change))


def test_names_and_suites_are_meant_once_and_a_wrong_name_says_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "copy.jsonl").write_text("{}")
    found = meant("paper", ["aime24", f"math500={tmp_path / 'copy.jsonl'}", "gsm8k"])
    assert [one.name for one, _ in found] == ["aime24", "math500", "gpqa-diamond", "gsm8k"]
    assert [copy is not None for _, copy in found] == [False, True, False, False]
    with pytest.raises(InputError, match="did you mean aime24"):
        meant(None, ["aime2024"])
    with pytest.raises(InputError, match="there is no file"):
        meant(None, ["aime24=nowhere.jsonl"])


def test_records_are_read_in_the_sets_own_columns() -> None:
    assert read_row(benchmarks()["gsm8k"], GSM8K, 0) == ("2 and 3?", "5")
    assert read_row(benchmarks()["aime25"], {"problem": "p", "answer": 70}, 0) == ("p", "70")
    assert read_row(benchmarks()["amc23"], {"question": "p", "answer": 27.0}, 0) == ("p", "27")
    assert read_row(benchmarks()["amc23"], {"problem": "p", "answer": "27"}, 0) == ("p", "27")  # a copy's columns
    problem, answer = read_row(benchmarks()["olympiadbench"], OLYMPIAD, 0)
    verdict = quick(Job(answer, "-2, 2", "math", problem))
    assert verdict is not None and verdict.is_correct
    problem, answer = read_row(benchmarks()["mmlu-pro"], MMLU_PRO, 0)
    assert problem == "What is 2 + 3?\n\nA. 4\nB. 5\nC. 6" and answer == "B"


@pytest.mark.parametrize(
    ("value", "answer"), [(1234567.0, "1234567"), (70000.0, "70000"), (12.5, "12.5"), (10**20, "1" + 20 * "0")]
)
def test_an_answer_that_is_a_number_keeps_its_digits(value: float, answer: str) -> None:
    """A table with one empty cell has its whole numbers as floats."""
    assert read_row(benchmarks()["aime24"], {"problem": "Count.", "answer": value}, 0) == ("Count.", answer)
    with pytest.raises(NoProblem, match="holds no text"):
        read_row(benchmarks()["aime24"], {"problem": "Count.", "answer": float("nan")}, 0)


def test_options_without_an_order_get_one_by_a_seed_that_does_not_depend_on_other_rows() -> None:
    gpqa = benchmarks()["gpqa-diamond"]
    orders = {seed: read_row(gpqa, GPQA, seed) for seed in range(30)}
    assert {answer for _, answer in orders.values()} == {"A", "B", "C", "D"}
    assert orders[3] == read_row(gpqa, GPQA, 3)
    for problem, answer in orders.values():
        assert f"\n{answer}. Argon" in problem
        for said, right in ((answer, True), ("Argon", True), ("Iron", False)):
            verdict = quick(Job(answer, said, "science", problem))
            assert verdict is not None and verdict.is_correct is right


def test_hidden_tests_are_read_without_loading_a_pickle() -> None:
    code = benchmarks()["livecodebench"]
    problem, gold = read_row(code, coding(), 0)
    assert "reads the input from stdin" in problem
    assert json.loads(gold) == {"inputs": ["1 2\n", "4 5\n"], "outputs": ["3\n", "9\n"]}
    called = {"input": "[1, 2]\n3", "output": "6", "testtype": "functional"}
    functional = coding(
        starter_code="class Solution:\n    def add(self, a, b):",
        public_test_cases="[]",
        private_test_cases=packed([called]),
        metadata='{"func_name": "add"}',
    )
    problem, gold = read_row(code, functional, 0)
    assert "def add(self, a, b):" in problem
    assert json.loads(gold) == {"fn_name": "add", "inputs": [[[1, 2], 3]], "outputs": [6]}
    assert read_tests(gold)

    class Bad:
        def __reduce__(self) -> Any:
            return (print, ("loaded",))

    evil = base64.b64encode(zlib.compress(pickle.dumps(Bad()))).decode()
    with pytest.raises(NoProblem, match="cannot be read"):
        read_row(code, coding(private_test_cases=evil), 0)


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("math500", {"prompt": "p", "answer": "1"}, "'problem' holds no text"),
        ("math500", {"problem": "p", "answer": " "}, "'answer' holds no text"),
        ("mmlu-pro", MMLU_PRO | {"answer": "E"}, "none of 3 options"),
        ("olympiadbench", OLYMPIAD | {"final_answer": "2"}, "holds no list"),
        ("livecodebench", {"question_content": "p", "private_test_cases": ""}, "holds no tests"),
        ("livecodebench", coding(private_test_cases="%%%"), "cannot be read"),
        ("livecodebench", coding(metadata='{"func_name": "f"}'), "cannot be read"),
    ],
)
def test_a_record_that_holds_no_problem_says_why(name: str, row: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(NoProblem, match=message):
        read_row(benchmarks()[name], row, 0)
    (tmp_path / "copy.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(InputError, match=f"benchmark {name}: .*copy.jsonl.*{message}"):
        load(benchmarks()[name], tmp_path / "copy.jsonl", limit=None, seed=0)


def test_an_evaluation_on_several_benchmarks_tells_each_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(BACKENDS, "openai", lambda model, settings: Scripted([WHOLE]))
    for name, rows in (
        ("aime25", [{"problem": "What is 7 + 3?", "answer": "10"}, {"problem": "And 8 + 3?", "answer": "11"}]),
        ("gsm8k", [GSM8K, GSM8K]),
    ):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    copies = [f"{name}={tmp_path / name}.jsonl" for name in ("aime25", "gsm8k")]
    settings = EvalSettings(model="openai:DeepSeek-R1-Distill-Qwen-7B", benchmark=copies, store=tmp_path / "s.sqlite")
    told = evaluate(settings, tmp_path / "out").figures
    assert told["aime25: pass@1"] == 0.5 and told["gsm8k: pass@1"] == 0.0 and told["gsm8k: problems"] == 1
    assert told["benchmark aime25"] == "2 problems of aime25.jsonl, licence not said, prompt student, grader answers"
    assert told["sampling"] == "temperature 0.6, top-p 0.95, at most 32768 tokens, seed 0, as its model card says"
    rows = list(read_rows(tmp_path / "out", SAMPLES))
    assert [row.benchmark for row in rows] == ["aime25", "aime25", "gsm8k"]
    assert {row.sampling.temperature for row in rows} == {0.6}
    assert "benchmark aime25: 2 problems were read, and it has 30" in capsys.readouterr().err
    with pytest.raises(InputError, match="--benchmark NAME"):
        evaluate(EvalSettings(model="openai:m"), tmp_path / "none")


def test_sampling_is_the_users_or_the_models_own_or_the_cards(tmp_path: Path) -> None:
    def of(model: str, **given: Any) -> tuple[float | None, int | None] | None:
        found = recommended(EvalSettings.model_validate({"model": model} | given))
        return None if found is None else (found.sampling.temperature, found.sampling.max_tokens)

    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "generation_config.json").write_text('{"do_sample": true, "temperature": 0.65, "top_p": 7}')
    assert of(f"local:{tmp_path}") == (0.65, 4096)
    assert of(f"local:{tmp_path}", sampling={"top_p": 0.9}) is None
    assert of("vllm:deepseek-ai/DeepSeek-R1-Distill-Qwen-7B") == (0.6, 32_768)
    assert of("openai:Qwen/Qwen3-8B-Base") is None and of("local:smollm2-135m") is None
    assert EvalSettings(model="m").sampling == SamplingSettings.usual(temperature=0.7, max_tokens=4096)


def test_the_page_on_evaluation_has_a_line_of_every_benchmark() -> None:
    page = (Path(__file__).parents[4] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    for one in benchmarks().values():
        line = next(line for line in page.splitlines() if line.startswith(f"| `{one.name}` |"))
        for told in (one.hub, (one.revision or "newest")[:12], f"{one.problems:,}", one.grader):
            assert told in line
