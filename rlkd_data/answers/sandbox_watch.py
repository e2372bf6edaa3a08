"""The memory of all that runs in the sandbox, together: the kernel's own limits are for each process alone. Standard
library only; this runs outside, beside the sandbox's first processes.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from pathlib import Path

_EVERY = 25
"""Milliseconds between two looks."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


def wait(child: int, memory: int) -> bool:
    """Wait until a child has ended; False where what it has started took more than `memory` bytes. Raises OSError where
    the kernel does not tell."""
    (Path("/proc/self/task") / str(os.getpid()) / "children").read_bytes()
    ended = os.pidfd_open(child)
    try:
        with_events = select.poll()
        with_events.register(ended, select.POLLIN)
        while not with_events.poll(_EVERY):
            inside = [pid for first in _children(child) for pid in _below(first)]
            if sum(map(_resident, inside)) > memory and sum(map(_share, inside)) > memory:
                return False
        return True
    finally:
        os.close(ended)


def _below(pid: int) -> Iterator[int]:
    for child in _children(pid):
        yield child
        yield from _below(child)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_bytes().split())
    except OSError:  # it has ended meanwhile
        pass
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _share(pid: int) -> int:
    """What a process has in memory, of what it shares with others its part."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_bytes().splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) << 10
    except OSError:
        pass
    return _resident(pid)
