"""A command line in this process: its exit status, and what it printed."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str


def run_here(
    program: str, *arguments: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Ended:
    """Run `rlkd-data` or `rlkd-train` as a shell does, without a process for it."""
    monkeypatch.setattr(sys, "argv", [program, *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"{program.replace('-', '_')}.cli").main()
    printed = capsys.readouterr()
    return Ended(int(ended.value.code or 0), printed.out, printed.err)


def sections(page: str) -> dict[str, str]:
    """A page of help: what stands under each heading, in its lines joined."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in page.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            heading = line[:-1]
        found.setdefault(heading, []).append(line.strip())
    return {name: " ".join(lines) for name, lines in found.items()}
