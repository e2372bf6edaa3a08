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


@dataclass(frozen=True, slots=True)
class Published:
    """A benchmark with a short name: where the Hub has it, in one set or in several configurations of it."""

    hub: str
    split: str
    configs: tuple[str | None, ...] = (None,)


BENCHMARKS = {
    "aime24": Published("HuggingFaceH4/aime_2024", "train"),
    "aime25": Published("opencompass/AIME2025", "test", ("AIME2025-I", "AIME2025-II")),
    "amc23": Published("math-ai/amc23", "test"),
    "gpqa": Published("Idavidrein/gpqa", "train", ("gpqa_main",)),  # the diamond questions are among them
    "math500": Published("HuggingFaceH4/MATH-500", "test"),
}
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

    def _contaminated(self, looks: list[Look | None]) -> list[Unclean | None]:
        if self._benchmarks is None:
            return [None] * len(looks)
        hits = self._benchmarks.find([one.problem if one else "" for one in looks])
        return [Unclean("contaminated", str(hit)) if hit else None for hit in hits]

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
    duplicates = Deduplicator(settings.dedupe, settings.near_threshold)
    if not settings.decontaminate:
        return Cleaner(duplicates)
    from rlkd_data.collect.decontaminate import Decontaminator

    return Cleaner(duplicates, Decontaminator(map(read_benchmark, settings.decontaminate), settings.ngram))


def read_benchmark(name: str) -> Benchmark:
    """A benchmark by its short name, its Hub id, or a local file or folder. Raises InputError."""
    from rlkd_data.collect.decontaminate import Benchmark
    from rlkd_data.collect.sources import open_source

    published = None if Path(name).expanduser().exists() else BENCHMARKS.get(name)
    if published is None:
        asked = [CollectSettings(source=name, adapter="generic")]
    else:
        asked = [
            CollectSettings(source=published.hub, adapter="generic", split=published.split, config=config)
            for config in published.configs
        ]
    try:
        problems = [(where, _problem(where, record)) for one in asked for where, record in open_source(one).records]
    except InputError as problem:
        known = "" if published else f"; benchmarks with a short name: {', '.join(BENCHMARKS)}"
        raise InputError(f"benchmark {name!r}: {problem}{known}") from None
    return Benchmark(Path(name).name, problems)


def _problem(where: str, record: object) -> str:
    assert isinstance(record, dict)
    named = {str(column).strip().lower(): value for column, value in record.items()}
    for column in _COLUMNS:
        if isinstance(named.get(column), str):
            return named[column]
    raise InputError(f"{where} has no text in a column {', '.join(_COLUMNS)}: rename the problem's column to `problem`")
