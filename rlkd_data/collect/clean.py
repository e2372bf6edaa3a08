"""Which problems of a source to leave out: those it holds twice, and those that stand in a benchmark."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rlkd_data.collect.dedupe import Deduplicator
from rlkd_data.config import CollectSettings
from rlkd_data.errors import InputError

if TYPE_CHECKING:
    from rlkd_data.collect.decontaminate import Benchmark, Decontaminator

Item = TypeVar("Item")

_TOGETHER = 256
"""Problems looked up in one go."""


CONTAMINATED = "contaminated"
BENCHMARKS = {"gpqa": {"source": "Idavidrein/gpqa", "config": "gpqa_main", "split": "train"}}
"""Benchmarks with a short name that are no source of traces; `sources` knows the others."""
_COLUMNS = ("problem", "question", "prompt", "instruction", "problem_text")


@dataclass(frozen=True, slots=True)
class Look:
    """A problem to look at, and where its row stands. Only problems of one `group` can be duplicates."""

    problem: str
    where: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class Unclean:
    """Why a problem is left out: `reason` is `duplicate_problem`, `near_duplicate_problem` or `contaminated`."""

    reason: str
    detail: str


class Cleaner:
    """Says of a source's problems, in their order, which to leave out.

    What it says is a function of the source up to there, not of what a table holds. An interrupted run shows it the
    rows that are done again, and comes to the same table as one that was not interrupted.
    """

    def __init__(self, duplicates: Deduplicator, benchmarks: Decontaminator | None = None) -> None:
        self._duplicates, self._benchmarks = duplicates, benchmarks

    def each(self, items: Iterable[Item], look: Callable[[Item], Look | None]) -> Iterator[tuple[Item, Unclean | None]]:
        """Every item with why it is left out, or None. `look` is None for an item that is not to be looked at, since it
        cannot be used anyway: no other is a duplicate of it."""
        iterator = iter(items)
        # without benchmarks nothing is gained by reading ahead
        while together := list(itertools.islice(iterator, _TOGETHER if self._benchmarks else 1)):
            looks = [look(item) for item in together]
            found = self._contaminated(looks)
            for item, one, unclean in zip(together, looks, found, strict=True):
                yield item, unclean or (self._duplicate(one) if one else None)

    @property
    def duplicates(self) -> Deduplicator:
        return self._duplicates

    def keys(self, one: Look | None, unclean: Unclean | None) -> tuple[bytes, bytes] | None:
        """What stands for a problem that was compared with others (`Deduplicator.keys`); None for one that was not."""
        if one is None or self._duplicates.mode == "off" or (unclean and unclean.reason == CONTAMINATED):
            return None
        return self._duplicates.keys(one.problem, one.group)

    def _contaminated(self, looks: list[Look | None]) -> list[Unclean | None]:
        if self._benchmarks is None:
            return [None] * len(looks)
        hits = self._benchmarks.find([one.problem if one else "" for one in looks])
        return [Unclean(CONTAMINATED, str(hit)) if hit else None for hit in hits]

    def _duplicate(self, one: Look) -> Unclean | None:
        earlier = self._duplicates.earlier(one.problem, one.where, one.group)
        if earlier is None:
            return None
        where, similarity = earlier
        if similarity == 1.0:
            return Unclean("duplicate_problem", f"{one.where}: the same problem as in {where}")
        return Unclean("near_duplicate_problem", f"{one.where}: {similarity:.0%} like the problem in {where}")


def open_cleaner(settings: CollectSettings) -> Cleaner:
    """Read the benchmarks that the settings name. Raises InputError for one that cannot be found, reached or read."""
    duplicates = Deduplicator(settings.dedupe, settings.near_threshold, samples_follow=settings.teacher is None)
    if not settings.decontaminate:
        return Cleaner(duplicates)
    from rlkd_data.collect.decontaminate import Decontaminator

    return Cleaner(duplicates, Decontaminator(map(read_benchmark, settings.decontaminate), settings.ngram))


def read_benchmark(name: str) -> Benchmark:
    """A benchmark by its short name, its Hub id, or a local file or folder. Raises InputError."""
    from rlkd_data.collect.decontaminate import Benchmark
    from rlkd_data.collect.sources import open_source

    local = Path(name).expanduser().exists()
    asked = {"source": name} if local else BENCHMARKS.get(name, {"source": name})
    try:
        records = open_source(CollectSettings.model_validate(asked | {"adapter": "generic"})).records
        problems = [(where, _problem(where, record)) for where, record in records]
    except InputError as problem:
        raise InputError(f"benchmark {name!r}: {problem}") from None
    return Benchmark(Path(name).name, problems)


def _problem(where: str, record: object) -> str:
    assert isinstance(record, dict)
    named = {str(column).strip().lower(): value for column, value in record.items()}
    for column in _COLUMNS:
        if isinstance(text := named.get(column), str):
            return text
    raise InputError(f"{where} has no text in a column {', '.join(_COLUMNS)}: rename the problem's column to `problem`")
