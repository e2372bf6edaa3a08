"""The problems of a benchmark, from the Hub or from a copy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rlkd_data.collect.adapters.base import Broken, Record
from rlkd_data.collect.files import read_files, read_remote
from rlkd_data.collect.hub import hub_rows
from rlkd_data.errors import InputError
from rlkd_data.run.progress import say
from rlkd_data.schema import make_problem_id
from rlkd_train.evaluate.benchmark_rows import NoProblem, read_row
from rlkd_train.evaluate.benchmarks import Benchmark
from rlkd_train.problems import Task


@dataclass(frozen=True)
class Loaded:
    """A benchmark's problems; `origin` is where they are from, with the commit, `license` what
    its publisher says."""

    benchmark: Benchmark
    origin: str
    license: str | None
    tasks: tuple[Task, ...]


def load(benchmark: Benchmark, copy: Path | None, *, limit: int | None, seed: int) -> Loaded:
    """Read a benchmark; `seed` orders options that have no order of their own. Raises InputError for one that cannot be
    read, naming how to go on from a copy, and for a record that holds no problem."""
    try:
        records, origin, license_ = _records(benchmark, copy)
        tasks = list(islice(_tasks(benchmark, records, seed), limit))
    except InputError as problem:
        advice = "" if copy is not None else f"; with a copy of its files: --benchmark {benchmark.name}=PATH"
        raise InputError(f"benchmark {benchmark.name}: {problem}{advice}") from None
    if limit is None and len(tasks) != benchmark.problems:
        say(f"benchmark {benchmark.name}: {len(tasks):,} problems were read, and it has {benchmark.problems:,}")
    return Loaded(benchmark, origin, benchmark.license or license_, tuple(tasks))


def _records(benchmark: Benchmark, copy: Path | None) -> tuple[Iterator[tuple[str, Record]], str, str | None]:
    if copy is not None:
        return read_files(copy), copy.name, None
    if benchmark.files:
        at = f"{benchmark.hub}@{benchmark.revision or 'main'}"
        return _remote([f"hf://datasets/{at}/{name}" for name in benchmark.files]), at, None
    found = hub_rows(benchmark.hub, benchmark.config, benchmark.split, benchmark.revision)
    part = " ".join(filter(None, [benchmark.config, benchmark.split]))
    return found.records, f"{found.origin} {part}", found.license


def _remote(addresses: Sequence[str]) -> Iterator[tuple[str, Record]]:
    for address in addresses:
        yield from read_remote(address)


def _tasks(benchmark: Benchmark, records: Iterator[tuple[str, Record]], seed: int) -> Iterator[Task]:
    """Each problem once."""
    seen: set[str] = set()
    for where, record in records:
        if isinstance(record, Broken):
            raise InputError(record.detail)
        try:
            problem, answer = read_row(benchmark, record, seed)
        except NoProblem as why:
            raise InputError(f"{where}: {why}") from None
        task = Task(make_problem_id(problem), problem, answer, benchmark.domain)
        if task.problem_id not in seen:
            seen.add(task.problem_id)
            yield task
