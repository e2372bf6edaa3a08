"""`rlkd-data` and `rlkd-train` as a user runs them, in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.forked import Forked, needs_a_fresh_one

ROOT = Path(__file__).resolve().parents[2]
_KEYS = {"ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k", "HF_HUB_OFFLINE": "1"}


def start(
    program: str | Path,
    *arguments: object,
    folder: Path = ROOT,
    first: Callable[[], None] | None = None,
    **environment: str,
) -> Forked:
    """The command as it begins; keys of the fake providers are set, the Hub is not asked. `first` is called in the
    process before it."""
    return Forked([*map(str, (program, *arguments))], os.environ | _KEYS | environment, folder, first)


def run(
    program: str | Path, *arguments: object, timeout: float = 300, folder: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; in a fresh process where the environment says what is read by imports."""
    command, told = [*map(str, (program, *arguments))], os.environ | _KEYS | environment
    if needs_a_fresh_one(told):
        code = f"from {command[0].replace('-', '_')}.cli import main; main()"
        fresh = [sys.executable, "-c", code, *command[1:]]
        return subprocess.run(fresh, cwd=folder, env=told, capture_output=True, text=True, timeout=timeout, check=False)
    begun = Forked(command, told, folder, None)
    out, err = begun.communicate(timeout)
    assert begun.returncode is not None
    return subprocess.CompletedProcess(command, begun.returncode, out, err)


def cli(*arguments: object, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `rlkd-data` to its end."""
    return run("rlkd-data", *arguments, folder=folder, **environment)
