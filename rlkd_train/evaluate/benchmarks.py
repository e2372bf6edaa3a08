"""Benchmarks by name: the table of them (`benchmarks.yaml`), and which a user means."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, PositiveInt, model_validator

from rlkd_data.errors import InputError
from rlkd_data.schema import Domain

SUITES = {
    "math": ("math500", "aime24", "aime25", "amc23", "olympiadbench"),
    "paper": ("aime24", "math500", "gpqa-diamond"),  # RLKD (arXiv 2505.16142), section 4
}
_TABLE = Path(__file__).with_name("benchmarks.yaml")


class Benchmark(BaseModel):
    """A line of the table, as its head says. `files` are a set's files that are read as they are, where the Hub has
    them behind a program."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    hub: str
    config: str | None = None
    split: str = "test"
    files: tuple[str, ...] = ()
    revision: str | None
    license: str | None
    problems: PositiveInt
    reader: Literal["plain", "hashes", "several", "shuffled", "lettered", "tests"]
    problem: str
    answer: str
    options: tuple[str, ...] = ()
    domain: Domain
    grader: Literal["answers", "choice", "tests"]
    prompt: Literal["student"]

    @model_validator(mode="after")
    def _reader_and_grader_go_together(self) -> Benchmark:
        needs = {"shuffled": "choice", "lettered": "choice", "tests": "tests"}.get(self.reader, "answers")
        if self.grader != needs:
            raise ValueError(f"{self.name}: reader {self.reader} is for grader {needs}")
        if (self.grader == "choice") != bool(self.options):
            raise ValueError(f"{self.name}: options are for grader choice, which needs them")
        return self


@cache
def benchmarks() -> dict[str, Benchmark]:
    """Every benchmark that has a name."""
    rows = yaml.safe_load(_TABLE.read_text(encoding="utf-8"))
    return {name: Benchmark(name=name, **row) for name, row in rows.items()}


def meant(suite: str | None, names: Sequence[str]) -> list[tuple[Benchmark, Path | None]]:
    """The benchmarks of a suite and those named beside it, each once, with the file or folder that holds a copy
    (`NAME=PATH`). Raises InputError for a name that is none, and for a copy that is not there."""
    found: dict[str, Path | None] = dict.fromkeys(SUITES[suite] if suite is not None else ())
    for said in names:
        name, equals, copy = said.partition("=")
        if name not in benchmarks():
            close = difflib.get_close_matches(name, benchmarks(), n=1)
            hint = f"did you mean {close[0]}? " if close else ""
            raise InputError(f"no benchmark {name!r}: {hint}(there are {', '.join(benchmarks())})")
        if equals and not Path(copy).expanduser().exists():
            raise InputError(f"--benchmark {said}: there is no file or folder {copy}")
        found[name] = Path(copy).expanduser() if equals else None
    return [(benchmarks()[name], copy) for name, copy in found.items()]
