"""The command lines: every flag reaches its setting, and a page of help can be scanned."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.run.pipeline import check_settings
from rlkd_data.run.stage import StageSpec
from tests.support.command_line import Ended, run_here, sections

ASKING = {
    "--base-url http://h/v1": ("base_url", "http://h/v1"),
    "--concurrency 3": ("concurrency", 3),
    "--store s.sqlite": ("store", Path("s.sqlite")),
}
LIMITS_AND_MONEY = {
    "--rpm 60": ("rpm", 60.0),
    "--tpm 9000": ("tpm", 9000.0),
    "--timeout 30": ("timeout", 30.0),
    "--budget 2.5": ("budget", 2.5),
    "--input-price 1": ("input_price", 1.0),
    "--output-price 2": ("output_price", 2.0),
    "--cached-price 0": ("cached_price", 0.0),
    "--retry-truncated 4096": ("retry_truncated", 4096),
}
SAMPLING = {
    "--temperature 0.2": ("sampling.temperature", 0.2),
    "--top-p 0.5": ("sampling.top_p", 0.5),
    "--max-tokens 99": ("sampling.max_tokens", 99),
    "--seed 7": ("sampling.seed", 7),
}
BATCHES = {"--mode batch": ("mode", "batch"), "--batch-poll 5": ("batch.poll", 5.0)}


def judged_by(group: str) -> dict[str, tuple[str, Any]]:
    return {
        "--judge-kind llm --judge openai:m": (f"{group}.kind", "llm"),
        "--judge bge": (f"{group}.model", "bge"),
        "--threshold 0.8": (f"{group}.threshold", 0.8),
    }


def within(group: str, flags: dict[str, tuple[str, Any]]) -> dict[str, tuple[str, Any]]:
    return {given: (f"{group}.{place}", value) for given, (place, value) in flags.items()}


VERBS: dict[str, dict[str, tuple[str, Any]]] = {
    "rlkd-data collect SRC --out o": {
        "": ("source", "SRC"),
        "--teacher openai:m": ("teacher", "openai:m"),
        "--samples 4": ("samples", 4),
        "--keep best": ("keep", "best"),
        "--min-pass-rate 0.1": ("min_pass_rate", 0.1),
        "--max-pass-rate 0.9": ("max_pass_rate", 0.9),
        "--limit 5": ("limit", 5),
        "--offset 6": ("offset", 6),
        "--adapter gsm8k": ("adapter", "gsm8k"),
        "--map q=problem --map a=answer": ("map", {"q": "problem", "a": "answer"}),
        "--config main": ("config", "main"),
        "--split test": ("split", "test"),
        "--revision v1": ("revision", "v1"),
        "--domain code": ("domain", "code"),
        "--license mit": ("license", "mit"),
        "--run-code": ("run_code", True),
        "--dedupe near": ("dedupe", "near"),
        "--near-threshold 0.8": ("near_threshold", 0.8),
        "--decontaminate math500 --decontaminate aime24": ("decontaminate", ("math500", "aime24")),
        "--ngram 13": ("ngram", 13),
    }
    | ASKING
    | LIMITS_AND_MONEY
    | SAMPLING
    | BATCHES,
    "rlkd-data decompose A B --out o": {
        "": ("traces", (Path("A"), Path("B"))),
        "--annotator openai:m": ("annotator", "openai:m"),
        "--from-reference f.jsonl": ("from_reference", Path("f.jsonl")),
        "--prompt zero-shot": ("prompt", "zero-shot"),
        "--format json": ("format", "json"),
        "--repairs 0": ("repairs", 0),
        "--window 8000": ("window", 8000),
        "--reject no_steps --reject not_gold": ("reject", ("no_steps", "not_gold")),
        "--agreement 3": ("agreement", 3),
        "--agreement 2 --agreement-sample 9": ("agreement_sample", 9),
        "--agreement 2 --agreement-annotator openai:n": ("agreement_annotator", "openai:n"),
        "--domain auto": ("domain", "auto"),
        "--limit 5": ("limit", 5),
    }
    | {f"--agreement 2 {given}": told for given, told in judged_by("agreement_judge").items()}
    | ASKING
    | LIMITS_AND_MONEY
    | SAMPLING
    | BATCHES,
    "rlkd-data branches A --out o": {
        "": ("decompositions", (Path("A"),)),
        "--same meta --same answer": ("same", ("meta", "answer")),
    }
    | judged_by("judge")
    | within("judge", ASKING),
    "rlkd-data score A --gold g.jsonl": {"": ("gold", Path("g.jsonl")), "--out o": ("decompositions", Path("A"))}
    | judged_by("judge")
    | within("judge", ASKING),
    "rlkd-train eval --model local:m --data A --data B --out o": {
        "": ("data", (Path("A"), Path("B"))),
        "-k 4": ("k", 4),
        "--decompositions S": ("decompositions", (Path("S"),)),
        "--decompositions T": ("structure.max_tokens", 2048),
        "--decompositions T --set structure.max_tokens=64": ("structure.max_tokens", 64),
        "--limit 5": ("limit", 5),
        "--set sampling.top_p=0.9": ("sampling.top_p", 0.9),
    }
    | ASKING
    | LIMITS_AND_MONEY
    | SAMPLING,
    "rlkd-train judge-eval p.jsonl --out o": {
        "": ("pairs", (Path("p.jsonl"),)),
        "--kind equal": ("judge.kind", "equal"),
        "--model bge": ("judge.model", "bge"),
        "--threshold 0.6": ("judge.threshold", 0.6),
        "--limit 5": ("limit", 5),
        "--set worst=3": ("worst", 3),
    }
    | within("judge", ASKING),
}


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    return lambda *arguments: run_here(*arguments, monkeypatch=monkeypatch, capsys=capsys)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The settings of stages that a command starts; none of them runs."""
    found: list[Any] = []

    def start(spec: StageSpec, values: Any, out: Path, where: str, **_: Any) -> None:
        found.append(check_settings(spec.settings, values, where))

    for module in ("rlkd_data.cli", "rlkd_train.cli"):
        monkeypatch.setattr(f"{module}.start", start)
    return found


@pytest.mark.parametrize(("verb", "given"), [(verb, given) for verb, flags in VERBS.items() for given in flags])
def test_a_flag_reaches_its_setting(verb: str, given: str, here: Any, started: list[Any]) -> None:
    ended = here(*shlex.split(verb), *shlex.split(given))
    assert ended.status == 0, ended.err
    place, expected = VERBS[verb][given]
    value = started[0]
    for name in place.split("."):
        value = getattr(value, name)
    assert value == expected and type(value) is type(expected)


def test_what_is_not_given_is_the_settings_default(here: Any, started: list[Any]) -> None:
    from rlkd_data.config import CollectSettings

    here("rlkd-data", "collect", "SRC", "--out", "o")
    assert started == [CollectSettings(source="SRC")]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("rlkd-data collect S --out o --samples 0", "samples"),
        ("rlkd-data collect S --out o --samples four", "samples"),
        ("rlkd-data collect S --out o --keep some", "'all', 'correct', 'best' or 'structure'"),
        ("rlkd-data collect S --out o --top-p 2", "sampling.top_p"),
        ("rlkd-data collect S --out o --batch-poll 0", "batch.poll"),
        ("rlkd-data collect S --out o --map problem", "--map 'problem': write it as COLUMN=FIELD"),
        ("rlkd-data decompose T --out o --annotator a:b --reject no_stops", "no_steps"),
        (
            "rlkd-data collect S --out o --extra-headers 'Authorization: Bearer sekret=='",
            "headers 'Authorization': write",
        ),
        ("rlkd-data collect S --out o --extra-headers sekret", "--extra-headers: write it as NAME=VALUE"),
        ("""rlkd-data collect S --out o --extra-body '{"key": "sekret"'""", "not a JSON object (Expecting"),
        ("rlkd-data branches T --out o --judge-kind llm", "backend:model"),
        ("rlkd-train eval --data A --out o", "no model: give --model"),
        ("rlkd-train eval --model local:m --out o", "no data: give --data"),
        ("rlkd-train eval --model local:m --data A", "no `out` folder"),
        ("rlkd-train eval --model local:m --data A --out o -k 0", "k:"),
        ("rlkd-train eval --config none.yaml", "none.yaml cannot be read"),
        ("rlkd-train reward-server", "no decompositions: give --decompositions"),
    ],
)
def test_wrong_input_is_one_line(command: str, said: str, here: Any, tmp_path: Path) -> None:
    ended: Ended = here(*shlex.split(command))
    assert ended.status == 2
    assert ended.out == "" and ended.err.count("\n") == 1 and said in ended.err, ended.err
    assert "sekret" not in ended.err


def test_flags_are_above_the_file_and_set_above_both(here: Any, started: list[Any], tmp_path: Path) -> None:
    file = tmp_path / "eval.yaml"
    file.write_text(
        "model: local:m\ndata: [A]\nout: o\nk: 2\nlimit: 9\nsampling: {temperature: 0.1, top_p: 0.8}\n", "utf-8"
    )
    ended = here("rlkd-train", "eval", "--config", file, "-k", "3", "--temperature", "0.4", "--set", "limit=8")
    assert ended.status == 0, ended.err
    (settings,) = started
    assert (settings.k, settings.limit, settings.data) == (3, 8, (Path("A"),))
    assert (settings.sampling.temperature, settings.sampling.top_p, settings.sampling.max_tokens) == (0.4, 0.8, 4096)


PAGES = {
    "rlkd-data collect": {
        "Source and output": ("SOURCE", "--out FOLDER", "--limit N", "[required]"),
        "Teacher and sampling": ("--teacher MODEL", "--samples N", "--temperature X", "[default: 0.6]", "--seed N"),
        "Answers": ("--keep all|correct|best", "[0 to 1]"),
        "Cleaning": ("--dedupe exact|near|off", "[default: exact]", "[above 0 to 1; default: 0.9]", "[repeatable]"),
        "Reading the source": ("--map COLUMN=FIELD", "--split TEXT", "--domain math|code|science|puzzle"),
        "The source world": ("--size N", "--world-seed N", "--styles ", "[2 to 199; default: 35]"),
        "Server and limits": ("--base-url URL", "--rpm X", "--store PATH", "--mode online|batch", "[default: 600]"),
        "Money": ("--budget USD", "--estimate ", "--estimate-sample N", "[default: 5]", "--cached-price USD"),
        "Model controls": ("--reasoning-effort TEXT", "--chat-template-kwargs JSON", "--extra-headers NAME=VALUE"),
        "Other": ("--help this page",),
    },
    "rlkd-data decompose": {
        "Annotator and sampling": ("--annotator MODEL", "--format tagged|json", "[default: 8192]"),
        "Checks": ("--reject CODE", "default: no_steps, numbering"),
        "Agreement": (
            "--agreement N",
            "[at least 2]",
            "--judge MODEL",
            "--judge-kind equal|embedding|same_step|llm|llm-batched",
        ),
    },
    "rlkd-train eval": {
        "Model and problems": ("--model MODEL", "[required, or in the file]", "-k N", "[default: 1]"),
        "Sampling": ("--max-tokens N", "[default: 4096]"),
        "Settings file": ("--config FILE", "--set KEY=VALUE"),
    },
    "rlkd-train": {"Commands": ("init ", "grpo GRPO on a student", "reward-server Serve")},
}


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("page", PAGES)
def test_options_stand_under_headings_with_their_defaults(
    page: str, columns: int, here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    ended = here(*page.split(), "--help")
    assert ended.status == 0 and "\x1b" not in ended.out
    assert max(map(len, ended.out.splitlines())) <= columns
    found = {heading: " ".join(text.split()) for heading, text in sections(ended.out).items()}
    for heading, texts in PAGES[page].items():
        assert [text for text in texts if text.strip() not in found[heading]] == []
    assert list(found)[1 : len(PAGES[page]) + 1] == list(PAGES[page]) or page != "rlkd-data collect"


def test_meanings_stand_in_one_column(here: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")  # a page is no wider than 120 all the same
    lines = here("rlkd-data", "collect", "--help").out.splitlines()
    assert max(map(len, lines)) <= 120
    flags = [re.match(r" {2}--?\S+(?: \S+)? {2,}", line) for line in lines]
    assert len({found.end() for found in flags if found}) == 1


def test_an_address_is_no_folder_of_a_stage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("rlkd-data", "collect", "gsm8k-quickstart", "--out", "s3://bucket/traces")
    ended = run_here(*asked, monkeypatch=monkeypatch, capsys=capsys)
    assert ended.status == 2 and "export FOLDER --as messages --out s3://bucket/traces/rows.jsonl" in ended.err
