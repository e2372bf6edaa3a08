"""The folder of a dry run: it loads, its card is whole, and what must not be published is refused in one line."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from markdown_it import MarkdownIt

import rlkd_data.schema as schemas
from rlkd_data.config import CollectSettings
from rlkd_data.errors import InputError
from rlkd_data.publish.columns import described
from rlkd_data.publish.run import Publication, publish
from rlkd_data.run import pipeline
from rlkd_data.run.resources import resource
from rlkd_data.run.stage import run_stage
from rlkd_data.run.stages import COLLECT
from rlkd_data.schema import DECOMPOSITIONS, TRACES, TableSchema, Trace
from rlkd_data.tables import TableWriter, read_rows
from tests.support.report_rows import HOSTILE, decomposed, trace, write_decompositions, write_stage, write_traces

REPO = "org/small-set"


def dry_run(*folders: Path, out: Path, **how: Any) -> Path:
    publish(folders, Publication(REPO, out=out, **how))
    return out


def card(folder: Path) -> tuple[dict[str, Any], str]:
    _, head, body = (folder / "README.md").read_text("utf-8").split("---\n", 2)
    return yaml.safe_load(head), body


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline's folder: traces that `collect` read from real rows, two held out; decomposed, one rejected."""
    work = tmp_path_factory.mktemp("work")
    source = resource("pipelines", "data", "gsm8k_quickstart.jsonl")
    for name, offset, limit in (("traces", 0, 6), ("held_out", 6, 2)):
        settings = CollectSettings(source=str(source), adapter="gsm8k", offset=offset, limit=limit, verify_workers=1)
        run_stage(COLLECT, settings, work / name)
    rows: list[Trace] = list(read_rows(work / "traces", TRACES))
    steps = [decomposed(row, decomposed(trace("t")).steps) for row in rows]
    write_decompositions(work / "steps", steps, [(steps[0], "no_steps")])
    write_stage(
        work / "steps",
        "decompose",
        started_at="9",
        settings={"traces": [str(work / "traces")], "annotator": "openai:gpt-4o", "base_url": "http://me:pw@host/v1"},
        result={"counts": {"ok": 6, "rejected:no_steps": 1}, "figures": {"gold": {"f1": 0.5}}, "cost_usd": 1.75},
    )
    return work


def test_a_pipelines_folder_becomes_a_data_set_that_loads_config_by_config(
    collected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    out = dry_run(collected, out=tmp_path / "out", splits=("test=held_out",))
    head, _ = card(out)
    expected = {
        "decompositions": {"train": 6},
        "traces": {"train": 6, "test": 2},
        "decompositions_rejected": {"train": 1},
    }
    assert [entry["config_name"] for entry in head["configs"]] == list(expected)
    for config, splits in expected.items():
        loaded = datasets.load_dataset(str(out), config, cache_dir=str(tmp_path / "cache"))
        assert {name: len(rows) for name, rows in loaded.items()} == splits
    here = pl.read_parquet(collected / "traces/part-*.parquet").to_dicts()
    assert loaded is not None
    train = datasets.load_dataset(str(out), "traces", split="train", cache_dir=str(tmp_path / "cache"))
    assert train.to_list() == here
    default = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    assert default["train"].column_names == DECOMPOSITIONS.arrow.names


def test_the_card_has_valid_metadata_and_no_empty_section(collected: Path, tmp_path: Path) -> None:
    head, body = card(dry_run(collected, out=tmp_path / "out"))
    assert head["license"] == "mit" and head["language"] == ["en"] and head["size_categories"] == ["n<1K"]
    assert "math" in head["tags"] and "text-generation" in head["task_categories"]
    sections = re.split(r"^##+ (.*)$", body, flags=re.MULTILINE)[1:]
    titles = sections[::2]
    assert {"How it was made", "What was rejected", "Quality", "Decontamination", "Cost", "Citation"} <= set(titles)
    for title, text in zip(titles, sections[1::2], strict=True):
        assert text.strip() or title == "What the columns mean", f"section {title!r} is empty"
    said = " ".join(body.split())
    for fact in (
        "| steps | `no_steps` | 1 |",
        "| steps: gold, f1 | 0.5 |",
        "6 of 7 (85.7 %)",
        "$1.7500 for 7 rows",
        "| openai/grade-school-math:grade_school_math/data/train.jsonl | 3101c7d50724 | MIT | 8 |",
        "no stage compared these problems",
        "2505.16142",
    ):
        assert fact in said, fact
    assert str(collected) not in body and "me:pw" not in body  # no machine and no login is named
    for name in re.findall(r"\]\((figures/[^)]*)\)", body):
        assert (tmp_path / "out" / name).read_text().startswith("<svg")


def test_the_recipe_of_a_card_is_a_pipeline_that_loads(collected: Path, tmp_path: Path) -> None:
    _, body = card(dry_run(collected, out=tmp_path / "out"))
    text = re.findall(r"```yaml\n(.*?)\n```", body, re.DOTALL)[0]
    (tmp_path / "again.yaml").write_text(text)
    stages = {stage.name: stage.settings for stage in pipeline.load(tmp_path / "again.yaml").stages}
    assert list(stages) == ["traces", "held_out", "steps"]
    assert stages["traces"].model_dump() == CollectSettings(
        source=str(resource("pipelines", "data", "gsm8k_quickstart.jsonl")), adapter="gsm8k", limit=6
    ).model_dump() | {"source": str(resource("pipelines").parent / "pipelines/data/gsm8k_quickstart.jsonl")}
    assert stages["steps"].traces == (Path("runs/small-set/traces"),)


def test_a_pipelines_own_yaml_is_the_recipe_where_it_was_kept(collected: Path, tmp_path: Path) -> None:
    file = collected / "pipeline.yaml"
    file.write_text("# run with --set traces.limit=6\nname: x\n# ``` closes nothing\n")
    try:
        out = dry_run(collected, out=tmp_path / "out")
    finally:
        file.unlink()
    name = f"pipelines/{collected.name}.yaml"
    assert "traces.limit=6" in (out / name).read_text()
    assert f"(`{name}` here)" in card(out)[1] and "````yaml\n# run with" in card(out)[1]


def test_every_column_of_every_table_is_described() -> None:
    tables = [value for value in vars(schemas).values() if isinstance(value, TableSchema)]
    assert len(tables) >= 2
    for table in tables:
        missing = [column.name for column in described(table.name, table.rejected) if not column.meaning]
        assert not missing, f"data_cards/columns.yaml says nothing of {table.name}: {missing}"


def test_hostile_values_stay_text_in_the_card(tmp_path: Path) -> None:
    evil = HOSTILE + " | {{ 7 * 7 }} {% include 'x' %} ![x](http://evil) ```"
    rows = [replace(trace(f"t{n}"), teacher=evil, source=f"{evil}@main\nrow") for n in range(2)]
    traces = write_traces(tmp_path / "traces", rows, [(rows[0], evil)])
    head, body = card(dry_run(traces, out=tmp_path / "out"))
    assert head["license"] == "apache-2.0"
    shown = MarkdownIt("commonmark", {"html": True}).enable("table").render(body)
    assert not re.search(r"<(script|/script|!--)|onerror=alert\(1\)>", shown)
    assert (
        re.findall(r'<img src="([^"]*)"', shown) == ["figures/reasoning_length.svg"]
        and 'href="http://evil' not in shown
    )
    assert "{{ 7 * 7 }}" in body and " 49 " not in body
    cells = [line for line in body.splitlines() if "evil" in line and line.startswith("|")]
    assert cells and all(line.endswith(("| 3 |", "| 1 |")) for line in cells)


def test_decontamination_is_told_with_its_benchmarks_and_rows(tmp_path: Path) -> None:
    rows = [trace("a"), trace("b")]
    clean = write_traces(tmp_path / "clean", rows[:1], [(rows[1], "contaminated")])
    other = write_traces(tmp_path / "other", rows[1:])
    write_stage(other, "collect")
    settings = {"source": "x", "decontaminate": ["math500", "/home/me/secret/aime.jsonl"], "ngram": 8}
    write_stage(clean, "collect", settings=settings, result={"counts": {"ok": 1, "rejected:contaminated": 1}})
    _, body = card(dry_run(clean, other, out=tmp_path / "out"))
    assert (
        "compared with `math500`, `aime.jsonl`: one that shares 8 words" in body
        and "`contaminated`: 1; `detail`" in body
    )
    assert "Not compared with anything: `other`." in body and "/home/me" not in body


def test_rows_without_a_licence_are_refused_and_told_how_many(tmp_path: Path) -> None:
    rows = [trace("a"), replace(trace("b"), license=None), replace(trace("c"), license=" ")]
    traces = write_traces(tmp_path / "traces", rows)
    with pytest.raises(InputError, match=r"2 of 3 rows have no licence .* collect them again with --license NAME"):
        dry_run(traces, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_licence_that_forbids_it_needs_a_word(tmp_path: Path) -> None:
    traces = write_traces(tmp_path / "traces", [trace("a"), replace(trace("b"), license="CC BY-NC 4.0")])
    with pytest.raises(InputError, match=r"1 rows from .* 'CC BY-NC 4.0', which restricts .* --allow-licence"):
        dry_run(traces, out=tmp_path / "out")
    head, body = card(dry_run(traces, out=tmp_path / "out", allowed=("cc-by-nc-4.0",)))
    assert head["license"] == ["apache-2.0", "cc-by-nc-4.0"] and "more than one licence" in body


def test_decompositions_need_the_licence_of_their_traces(tmp_path: Path) -> None:
    traces = write_traces(tmp_path / "traces", [trace("a"), trace("b")])
    steps = write_decompositions(tmp_path / "steps", [decomposed(trace("a")), decomposed(trace("lost"))])
    with pytest.raises(InputError, match="2 rows of decompositions have no trace"):
        dry_run(steps, out=tmp_path / "out")
    with pytest.raises(InputError, match="1 rows of decompositions have no trace"):
        dry_run(steps, traces, out=tmp_path / "out")


def test_a_key_in_a_row_is_refused_and_not_repeated(tmp_path: Path) -> None:
    key = "hf_" + "aBcD" * 9
    rows = [trace(f"t{n}") for n in range(700)]  # more than are read at a time
    rows[650] = replace(rows[650], response=f"login('{key}')")
    rows[690] = replace(rows[690], response=f"login('{key}')")
    traces = write_traces(tmp_path / "traces", rows)
    with pytest.raises(InputError) as refused:
        dry_run(traces, out=tmp_path / "out")
    said = str(refused.value)
    assert "part-00000.parquet, column 'response', row 650: looks like a Hugging Face token (hf_a…cD)" in said
    assert "(1 more such texts)" in said and key not in said and "\n" not in said


@pytest.mark.parametrize("status", ["running", "failed"])
def test_a_stage_that_has_not_finished_is_refused(tmp_path: Path, status: str) -> None:
    write_stage(write_traces(tmp_path / "traces", [trace("a")]), "collect", status=status)
    with pytest.raises(InputError, match="has not finished"):
        dry_run(tmp_path / "traces", out=tmp_path / "out")


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    traces = write_traces(tmp_path / "traces", [trace("a")])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    with pytest.raises(InputError, match="already holds something"):
        dry_run(traces, out=tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_another_table_of_rlkd_is_published_by_the_name_its_writer_gave_it(tmp_path: Path) -> None:
    other = replace(TRACES, name="plans")
    with TableWriter(tmp_path / "plans", other) as table:
        table.add(trace("a"))
    head, body = card(dry_run(tmp_path / "plans", out=tmp_path / "out"))
    assert head["configs"][0]["config_name"] == "plans"
    assert "The rows of rlkd's table `plans`." in body and "1 plans" in body


def test_an_evaluations_samples_are_no_data_set(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "after", replace(TRACES, name="samples")) as table:
        table.add(trace("a"))
    with pytest.raises(InputError, match="a model's samples, which is no data set"):
        dry_run(tmp_path / "after", out=tmp_path / "out")


def test_a_run_keeps_its_pipelines_yaml_with_the_overrides(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    source = resource("pipelines", "data", "gsm8k_quickstart.jsonl")
    stage = {"verb": "collect", "source": str(source), "adapter": "gsm8k", "limit": 2, "verify_workers": 1}
    file.write_text(json.dumps({"workdir": str(tmp_path / "work"), "stages": {"traces": stage}}))
    pipeline.run(pipeline.load(file, ["traces.limit=1"]))
    kept = (tmp_path / "work" / "pipeline.yaml").read_text()
    assert kept == "# run with --set traces.limit=1\n" + file.read_text()
