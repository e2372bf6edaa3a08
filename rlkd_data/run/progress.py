"""Progress of long work: a live bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from rlkd_data.chat.types import Pulse

console = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)
"""Everything a person reads while work goes on; standard output is for results."""


_shown: list[Tally] = []
"""The tallies that are on show, the latest last."""


def note(text: str) -> None:
    """Say beside the tally what goes on elsewhere, where its counts do not tell: how far a provider's batch is."""
    if _shown:
        _shown[-1].note(text)


def say(text: str) -> None:
    """Say a line of its own, above the tally: what a person should know of, once."""
    console.print(text, markup=False)


class Tally:
    """Counts finished work. `advance` may be told what became of it, and the counts are shown.

    `follow` lets it show what a client is at as well: requests in flight, tokens a second, dollars.
    """

    def __init__(self, title: str, total: int | None) -> None:
        self.title, self.total, self.done = title, total, 0
        self.outcomes: dict[str, int] = {}
        self.noted = ""
        self._pulse: Callable[[], Pulse] | None = None
        self._began = time.monotonic()

    def note(self, text: str) -> None:
        if text != self.noted:
            self.noted = text
            self.refresh()

    def advance(self, outcome: str | None = None, count: int = 1) -> None:
        self.done += count
        if outcome is not None:
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count
        self.refresh()

    def follow(self, pulse: Callable[[], Pulse]) -> None:
        """Show a client's work beside the counts, from now on."""
        self._pulse = pulse
        self._began = time.monotonic()

    def summary(self) -> str:
        counts = [f"{name} {count:,}" for name, count in sorted(self.outcomes.items())]
        return "  ".join([*counts, self.noted] if self.noted else counts)

    def traffic(self) -> str:
        """Requests in flight, tokens a second since the start, and dollars: of the client that is followed."""
        if self._pulse is None:
            return ""
        now = self._pulse()
        rate = now.tokens / max(1e-9, time.monotonic() - self._began)
        cost = "price unknown" if now.dollars is None else f"${now.dollars:,.4f}"
        return f"in flight {now.in_flight:,}  {rate:,.0f} tokens/s  {cost}"

    def seconds_left(self) -> float | None:
        """At the pace so far; None where that cannot be told."""
        if not self.total or not self.done:
            return None
        return (time.monotonic() - self._began) * max(0, self.total - self.done) / self.done

    def refresh(self) -> None:
        """Show the new counts."""


class _Live(Tally):
    def __init__(self, title: str, total: int | None, progress: Progress) -> None:
        super().__init__(title, total)
        self._progress = progress
        self._task = progress.add_task(title, total=total, outcomes="", traffic="")

    def refresh(self) -> None:
        self._progress.update(self._task, completed=self.done, outcomes=self.summary(), traffic=self.traffic())


class _Lines(Tally):
    every = 10.0
    """Seconds between two lines."""
    beat = 25.0
    """Seconds after which there is a line though nothing was finished."""

    def __init__(self, title: str, total: int | None) -> None:
        super().__init__(title, total)
        self._last = time.monotonic()
        self._ended = threading.Event()

    def watch(self) -> None:
        """Say where the work is, again and again, until it has ended: in a thread of its own."""
        while not self._ended.wait(min(1.0, self.beat / 4)):
            if time.monotonic() - self._last >= self.beat:
                self._last = time.monotonic()
                self.line()

    def end(self) -> None:
        self._ended.set()

    def refresh(self) -> None:
        now = time.monotonic()
        if now - self._last >= self.every:
            self._last = now
            self.line()

    def line(self) -> None:
        of = f" of {self.total:,}" if self.total is not None else ""
        parts = [f"{self.title}: {self.done:,}{of}", self.summary(), self.traffic()]
        left = self.seconds_left()
        if left:
            parts.append(f"{int(left // 3600)}:{int(left % 3600 // 60):02d}:{int(left % 60):02d} left")
        console.print("  ".join(part for part in parts if part), markup=False)


@contextmanager
def tally(title: str, total: int | None = None) -> Iterator[Tally]:
    """Show the progress of `total` pieces of work while the block runs."""
    if sys.stderr.isatty():
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[outcomes]}", style="dim", markup=False),
            TextColumn("{task.fields[traffic]}", markup=False),
        )
        with Progress(*columns, console=console) as progress, _on_show(_Live(title, total, progress)) as live:
            yield live
    else:
        lines = _Lines(title, total)
        threading.Thread(target=lines.watch, daemon=True).start()
        try:
            with _on_show(lines):
                yield lines
        finally:
            lines.end()
            lines.line()  # of what was interrupted too


@contextmanager
def _on_show(shown: Tally) -> Iterator[Tally]:
    _shown.append(shown)
    try:
        yield shown
    finally:
        _shown.remove(shown)
