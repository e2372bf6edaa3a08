"""What a model is evaluated on: the problems of tables, and of benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rlkd_data.errors import InputError
from rlkd_data.run.progress import say
from rlkd_train.config import EvalSettings
from rlkd_train.evaluate.benchmark_load import Loaded, load
from rlkd_train.evaluate.benchmarks import meant
from rlkd_train.problems import Task, load_tasks


@dataclass(frozen=True)
class Asked:
    """The problems, each once; `benchmark` names that of a problem by its id, and `told` says where they are from."""

    tasks: tuple[Task, ...]
    benchmark: dict[str, str]
    told: dict[str, Any]


def asked(settings: EvalSettings) -> Asked:
    """The problems that the settings name: of the tables, and of every benchmark `limit` at most. Raises InputError
    where there is none, and TableError for a table that cannot be read."""
    chosen = meant(settings.suite, settings.benchmark or ())
    if not settings.data and not chosen:
        raise InputError("no data: give --data FOLDER, --benchmark NAME or --suite math")
    tasks = {task.problem_id: task for task in load_tasks(settings.data, settings.limit)}
    named: dict[str, str] = {}
    told: dict[str, Any] = {}
    for benchmark, copy in chosen:
        loaded = load(benchmark, copy, limit=settings.limit, seed=settings.choices_seed or 0)
        told[f"benchmark {benchmark.name}"] = in_words(loaded, settings.choices_seed or 0)
        again = [task for task in loaded.tasks if task.problem_id in tasks]
        if again:
            say(f"benchmark {benchmark.name}: {len(again):,} of its problems are asked already, and count there")
        for task in loaded.tasks:
            if task.problem_id not in tasks:
                tasks[task.problem_id], named[task.problem_id] = task, benchmark.name
        if benchmark.grader == "tests" and not settings.run_code:
            say(f"benchmark {benchmark.name}: nothing is judged without --run-code, which runs programs in the sandbox")
    if not tasks:
        raise InputError(f"no problems in {', '.join(map(str, settings.data))}")
    return Asked(tuple(tasks.values()), named, told)


def in_words(loaded: Loaded, seed: int) -> str:
    """Where a benchmark's problems are from, and how it was asked."""
    benchmark = loaded.benchmark
    said = [
        f"{len(loaded.tasks):,} problems of {loaded.origin}",
        f"licence {loaded.license or 'not said'}",
        f"prompt {benchmark.prompt}",
        f"grader {benchmark.grader}",
    ]
    return ", ".join(said + ([f"options in the order of seed {seed}"] if benchmark.reader == "shuffled" else []))
