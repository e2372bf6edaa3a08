"""Which process something belongs to, in words that another can read, and whether that one is gone."""

from __future__ import annotations

import os
import re
import socket
import uuid
from functools import cache
from pathlib import Path


def name(pid: int | None = None) -> str:
    """`host:pid:start`: the start tells a process from a later one with the same number."""
    own = os.getpid() if pid is None else pid
    return f"{_host()}:{own}:{_start(own) or 0}"


def owner() -> str:
    """A name for one of several holders within this process."""
    return f"{name()}:{uuid.uuid4().hex[:12]}"


def gone(named: str) -> bool:
    """Whether a named process has ended, as far as can be told from here: one of another host never counts as gone."""
    host, _, rest = named.partition(":")
    pid, _, rest = rest.partition(":")
    start = rest.partition(":")[0]
    if host != _host() or not pid.isdigit():
        return False
    if number_is_free(int(pid)):
        return True
    now = _start(int(pid))
    return now is not None and start not in ("0", str(now))


def number_is_free(pid: int) -> bool:
    """Whether no process of this host has that number; false where that cannot be told without harm (Windows)."""
    if os.name != "posix":
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:  # it lives, and is another user's
        return False
    return False


def shown(named: str) -> str:
    """For a person: `process 123 on host`."""
    host, _, rest = named.partition(":")
    return f"process {rest.partition(':')[0]} on {host}"


@cache
def _host() -> str:
    return re.sub(r"[^\w.-]", "-", socket.gethostname()) or "localhost"


def _start(pid: int) -> int | None:
    """When a process began, in the kernel's clock ticks since boot; None where that cannot be read."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(stat.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None
