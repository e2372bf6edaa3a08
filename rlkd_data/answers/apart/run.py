"""Runs a program and the assertions that test it, each in a sandbox of its own."""

from __future__ import annotations

import os
import secrets
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rlkd_data.answers import apart
from rlkd_data.answers.apart.ask import DOUBTFUL, ENDED, GARBLED, UNFIT, imports_of
from rlkd_data.answers.sandbox import Limits, Ran, run_python
from rlkd_data.answers.sandbox_init import BOX

_HERE = "rlkd_data/answers/apart"
_PATH = f"import sys, pathlib\nsys.path.insert(0, {BOX!r})\n"
_SERVE = "from rlkd_data.answers.apart.serve import main\ndel sys.path[0]\n"
_ASK = "from rlkd_data.answers.apart.ask import main\ndel sys.path[0]\n"


@dataclass(frozen=True, slots=True)
class Tested:
    """`passed`: whether all assertions hold; None where they do, but by what the program alone vouches for, or cannot
    be run from outside. `ran`: the process that decided, the program or its tests."""

    passed: bool | None
    ran: Ran


def run_apart(program: str, tests: str, prelude: str, limits: Limits) -> Tested:
    """Raises SandboxUnavailable."""
    token = secrets.token_hex(16)
    for_program, for_tests = socket.socketpair()
    stop, stopping = os.pipe()
    try:
        with ThreadPoolExecutor(1) as pool:
            given = prelude if "from __future__" not in program else ""  # which has to come first
            serve = f"{_PATH}{_SERVE}main({given!r}, pathlib.Path('{BOX}/answer.py'), {imports_of(tests)!r})\n"
            files = {**_files(), "answer.py": program}
            serving = pool.submit(run_python, serve, for_program, limits, files, stop)
            ask = f"{_PATH}{_ASK}main({prelude!r}, pathlib.Path('{BOX}/tests.py'), {token!r})\n"
            try:
                asked = run_python(ask, for_tests, limits, {**_files(), "tests.py": tests})
            finally:
                os.close(stopping)
            served = serving.result()
    finally:
        os.close(stop)
    return _tested(asked, served, token)


def _tested(asked: Ran, served: Ran, token: str) -> Tested:
    said = asked.stdout.decode(errors="replace")
    if asked.code == 0 and said.endswith((token, token + DOUBTFUL, token + UNFIT)):
        return Tested(True if said.endswith(token) else None, asked)
    if served.ended in ("too much output", "too much memory") or (asked.code == ENDED and served.ended != "stopped"):
        return Tested(False, served)
    if asked.code in (ENDED, GARBLED):  # it has cut the line, or sent what is no result
        return Tested(False, Ran("itself", 0, b"", b""))
    return Tested(False, asked)


def _files() -> dict[str, str]:
    """The text of this package, which a sandbox does not see."""
    here = Path(apart.__file__).parent
    texts = {
        f"{_HERE}/{name}.py": (here / f"{name}.py").read_text("utf-8") for name in ("values", "link", "serve", "ask")
    }
    return {"rlkd_data/__init__.py": "", "rlkd_data/answers/__init__.py": "", f"{_HERE}/__init__.py": "", **texts}
