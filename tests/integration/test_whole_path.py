"""From three problems to a report, with the real small model: every stage of the house in one pipeline."""

from __future__ import annotations

import json
from pathlib import Path

import polars
import pytest
import yaml

from rlkd_data.run.identity import read_stage
from rlkd_data.run.resources import resource
from rlkd_data.schema import DECOMPOSITIONS
from rlkd_data.tables import read_rows
from tests.support.cli import cli

pytestmark = [pytest.mark.model, pytest.mark.slow]

STAGES = {
    "traces": {"verb": "collect", "source": "gsm8k-quickstart", "limit": 2},
    "held_out": {"verb": "collect", "source": "gsm8k-quickstart", "offset": 2, "limit": 1},
    "sampled": {
        "verb": "collect",
        "source": "gsm8k-quickstart",
        "offset": 1,  # a problem that the model answers in a sentence: a row that is cut off is no row
        "limit": 1,
        "teacher": "local:smollm2-135m",
        "sampling": {"temperature": 0, "max_tokens": 64},
    },
    "steps": {
        "verb": "decompose",
        "traces": ["@traces", "@held_out"],
        "annotator": "local:gsrm-smollm2",
        "sampling": {"temperature": 0, "max_tokens": 200},
    },
    "grpo": {
        "model": "smollm2-135m",
        "traces": ["@traces"],
        "decompositions": ["@steps"],
        "steps": 2,
        "prompts_per_step": 1,
        "generations": 2,
        "max_completion": 24,
        "structure": {"max_tokens": 64},
        "optim": {"micro_batch": 2, "save_steps": 1},
    },
    "after": {
        "verb": "eval",
        "model": "local:@grpo",
        "data": ["@held_out"],
        "decompositions": ["@steps"],
        "sampling": {"temperature": 0.7, "max_tokens": 24},
        "structure": {"max_tokens": 64},
    },
    "report": {"tables": ["@traces", "@sampled", "@steps", "@grpo", "@after"]},
}


def finished(work: Path) -> dict[str, str]:
    return {name: (read_stage(work / name) or {})["finished_at"] for name in STAGES}


def test_every_stage_runs_on_real_rows_and_only_what_changed_runs_again(tmp_path: Path) -> None:
    work = tmp_path / "run"
    path = tmp_path / "small.yaml"
    defaults = {"store": str(tmp_path / "store.sqlite")}
    path.write_text(yaml.safe_dump({"workdir": str(work), "defaults": defaults, "stages": STAGES}, sort_keys=False))

    first = cli("run", str(path))
    assert first.returncode == 0, first.stderr
    assert "structure" in first.stdout and "report.html" in first.stdout

    traces = polars.read_parquet(work / "traces" / "part-*.parquet")
    assert len(traces) == 2 and traces["is_correct"].all()
    decomposed = list(read_rows(work / "steps", DECOMPOSITIONS))
    assert decomposed and all(row.steps and row.status == "ok" for row in decomposed)
    completions = polars.read_parquet(work / "grpo" / "completions" / "part-*.parquet")
    assert sorted(completions["step"].to_list()) == [1, 1, 2, 2]
    log = [json.loads(line) for line in (work / "grpo" / "log.jsonl").read_text().splitlines()]
    assert sum(all(f"rewards/{name}/mean" in line for name in ("structure", "accuracy", "format")) for line in log) == 2
    measured = (read_stage(work / "after") or {})["result"]["figures"]
    assert 0 < measured["completion tokens"] <= 24 and measured["prompt tokens"] > 0
    assert (work / "grpo" / "model" / "adapter_model.safetensors").stat().st_size > 0
    page = (work / "report" / "report.html").read_text(encoding="utf-8")
    assert all(row.problem_id in page for row in decomposed)

    before = finished(work)
    again = cli("run", str(path))
    assert again.returncode == 0 and again.stdout.count("done before") == len(STAGES)
    assert finished(work) == before

    changed = cli("run", str(path), "--set", "after.sampling.max_tokens=16")
    assert changed.returncode == 0, changed.stderr
    after = finished(work)
    assert {name for name in STAGES if after[name] != before[name]} == {"after", "report"}

    mistyped = cli("run", str(path), "--set", "grpo.stepz=3")
    assert mistyped.returncode == 2 and "did you mean 'steps'?" in mistyped.stderr
    assert len(mistyped.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("name", sorted(path.stem for path in resource("pipelines").glob("*.yaml")))
def test_every_shipped_pipeline_loads(name: str) -> None:
    from rlkd_data.run.pipeline import find, load

    assert load(find(name)).stages
