"""Progress of long work: a live bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

console = Console(stderr=True, highlight=False, soft_wrap=True)
"""Everything a person reads while work goes on; standard output is for results."""


class Tally:
    """Counts finished work. `advance` may be told what became of it, and the counts are shown."""

    def __init__(self, title: str, total: int | None) -> None:
        self.title, self.total, self.done = title, total, 0
        self.outcomes: dict[str, int] = {}

    def advance(self, outcome: str | None = None, count: int = 1) -> None:
        self.done += count
        if outcome is not None:
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count
        self.refresh()

    def summary(self) -> str:
        return "  ".join(f"{name} {count:,}" for name, count in sorted(self.outcomes.items()))

    def refresh(self) -> None:
        """Show the new counts."""


class _Live(Tally):
    def __init__(self, title: str, total: int | None, progress: Progress) -> None:
        super().__init__(title, total)
        self._progress = progress
        self._task = progress.add_task(title, total=total, outcomes="")

    def refresh(self) -> None:
        self._progress.update(self._task, completed=self.done, outcomes=self.summary())


class _Lines(Tally):
    every = 10.0
    """Seconds between two lines."""

    def __init__(self, title: str, total: int | None) -> None:
        super().__init__(title, total)
        self._last = time.monotonic()

    def refresh(self) -> None:
        now = time.monotonic()
        if now - self._last >= self.every:
            self._last = now
            self.line()

    def line(self) -> None:
        of = f" of {self.total:,}" if self.total is not None else ""
        console.print(f"{self.title}: {self.done:,}{of}  {self.summary()}".rstrip(), markup=False)


@contextmanager
def tally(title: str, total: int | None = None) -> Iterator[Tally]:
    """Show the progress of `total` pieces of work while the block runs."""
    if sys.stderr.isatty():
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[outcomes]}"),
        )
        with Progress(*columns, console=console) as progress:
            yield _Live(title, total, progress)
    else:
        lines = _Lines(title, total)
        yield lines
        lines.line()
