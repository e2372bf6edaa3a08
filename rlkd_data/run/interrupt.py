"""^C and SIGTERM: the work stops, what it has is written, and the last line says what is kept and how to go on."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any, NoReturn

INTERRUPTED, TERMINATED = 130, 143
"""Exit statuses; the first is also what Typer makes of ^C."""
_SECONDS = 20.0
"""From SIGTERM to the end, whatever still hangs."""
_kept: list[str] = []
_hurry: list[threading.Timer] = []


def unhurried() -> None:
    """Let the work that follows SIGTERM take the time that it needs; a second one ends the process all the same."""
    while _hurry:
        _hurry.pop().cancel()


def keep(line: str, *, over: bool = True) -> None:
    """Have something said when the run was interrupted: what is kept of it, in a few words. `over`: in place of what
    was to be said before."""
    if over or not _kept:
        _kept[:] = [line]


class Interrupts:
    """While it holds, SIGTERM is taken as ^C is; a second one, or clean-up that hangs, ends the process at once."""

    def __init__(self) -> None:
        self._terminated = False
        self._before: Any = None

    def __enter__(self) -> Interrupts:
        _kept.clear()
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._terminate)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        if self._terminated:
            os._exit(TERMINATED)
        self._terminated = True
        last = threading.Timer(_SECONDS, os._exit, (TERMINATED,))
        last.daemon = True
        _hurry.append(last)
        last.start()
        signal.raise_signal(signal.SIGINT)  # which the event loop, or whatever else runs, knows how to take

    def leave(self) -> NoReturn:
        """Say what is kept, and leave with the signal's status."""
        kept = f" {_kept[0]}" if _kept else ""
        print(f"interrupted:{kept} finished work is kept, and the same command continues", file=sys.stderr)
        sys.exit(TERMINATED if self._terminated else INTERRUPTED)
