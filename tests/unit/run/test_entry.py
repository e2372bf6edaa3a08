"""A command's first moments, before it has its modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rlkd_data import entry


def test_an_interrupt_while_modules_are_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n")
    heard = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"  # whoever started the tests
    code = f"{heard}; sys.path.insert(0, {str(tmp_path)!r}); from rlkd_data.entry import command; command('slow')"
    ended = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (130, "interrupted: nothing was begun\n")


@pytest.mark.parametrize("program", ["rlkd_data", "rlkd_train"])
def test_both_command_lines_begin_there(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    monkeypatch.setattr(entry, "import_module", lambda name: type(name, (), {"main": lambda: begun.append(name)}))
    __import__(f"{program}.entry")
    sys.modules[f"{program}.entry"].main()
    assert begun == [f"{program}.cli"]
