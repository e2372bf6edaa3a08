"""A whole GRPO run small enough for a test: a model of noise, two problems, and servers for the GSRM and the judge."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from rlkd_data.schema import DECOMPOSITIONS, TRACES, Step
from rlkd_data.structure.render import render
from rlkd_data.tables import TableWriter
from tests.support.cli import start
from tests.support.forked import Forked
from tests.support.tiny_model import save_tiny_model

PROBLEMS = {"p1": "What is 1 + 1?", "p2": "What is 2 + 3?"}
STEPS = [("First the numbers.", "Which numbers?", "one and one"), ("Then the sum.", "What is the sum?", "it is two")]
TEACHER_WORDS = "TEACHER-TRACE"
"""Stands in every teacher's trace and decomposition, so that a server sees whether it is shown one."""


def decompose(body: dict[str, Any]) -> dict[str, str]:
    """What the GSRM's server answers: one to three steps, by the student's text."""
    asked = body["messages"][-1]["content"]
    if TEACHER_WORDS in asked:
        return {"text": "nobody may ask for a teacher's steps again"}  # which no parser takes for a decomposition
    number = sum(asked.encode()) % 3 + 1
    return {
        "text": render([Step(i + 1, f"Step {i} looks at {asked[-6:]!r}.", f"Part {i}?", "so") for i in range(number)])
    }


def say_yes_or_no(body: dict[str, Any]) -> dict[str, str]:
    """What the judge's server answers, by the text of the pair."""
    return {"text": "yes" if sum(body["messages"][-1]["content"].encode()) % 3 else "no"}


def make_run(folder: Path, gsrm_url: str, judge_url: str, **settings: Any) -> Path:
    """Write the tables, the model and the settings of a run into `folder`; the settings' file."""
    from tests.support.training_rows import NOW, decomposed, trace

    rows = [
        trace(name, f"{TEACHER_WORDS} about it.", "\\boxed{12}", problem=problem) for name, problem in PROBLEMS.items()
    ]
    assert NOW.tzinfo is not None
    teacher = tuple(Step(i, f"{TEACHER_WORDS} {m}", q, a) for i, (m, q, a) in enumerate(STEPS, 1))
    for name, schema, made in (
        ("traces", TRACES, rows),
        ("steps", DECOMPOSITIONS, [decomposed(row, teacher) for row in rows]),
    ):
        with TableWriter(folder / name, schema) as table:
            for row in made:
                table.add(row)
    chat = {"store": str(folder / "store.sqlite")}
    values: dict[str, Any] = {
        "model": str(save_tiny_model(folder / "tiny")),
        "traces": [str(folder / "traces")],
        "decompositions": [str(folder / "steps")],
        "steps": 4,
        "prompts_per_step": 2,
        "generations": 4,
        "max_completion": 16,
        "temperature": 1.0,
        "lora": {"r": 0},
        "optim": {"learning_rate": 1e-3, "save_steps": 2, "micro_batch": 8},
        "structure": {
            "gsrm": "openai:gsrm",
            "allow_other_annotator": True,
            "base_url": gsrm_url,
            **chat,
            "judge": {"kind": "llm", "model": "openai:judge", "base_url": judge_url, **chat},
        },
    }
    for name, value in settings.items():
        values[name] = values[name] | value if isinstance(values.get(name), dict) else value
    path = folder / "grpo.yaml"
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


def start_run(config: Path, out: Path) -> Forked:
    """`rlkd-train grpo` in a process of its own."""
    return start("rlkd-train", "grpo", "--config", config, "--out", out)


def steps_in(out: Path) -> int:
    """How many steps' completions a run has written so far."""
    return len([p for p in (out / "completions").glob("part-*.parquet") if re.fullmatch(r"part-\d+\.parquet", p.name)])
