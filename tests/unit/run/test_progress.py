import io
import threading
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress, TextColumn

from rlkd_data.chat.types import Pulse
from rlkd_data.run import progress
from rlkd_data.run.progress import Tally, tally


def pulse() -> Pulse:
    return Pulse(in_flight=7, tokens=1000, dollars=1.25)


def test_without_a_terminal_plain_lines_say_all_there_is_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(progress, "console", Console(file=written, highlight=False, soft_wrap=True))
    with tally("collect x", 4) as found:
        found.follow(pulse)
        found.advance("ok", 2)
        found.advance("rejected:truncated")
    line = written.getvalue()
    assert line.startswith("collect x: 3 of 4  ok 2  rejected:truncated 1  in flight 7  ") and line.count("\n") == 1
    assert "tokens/s  $1.2500" in line and "\x1b" not in line


def test_time_left_is_told_from_the_pace() -> None:
    found = Tally("t", 10)
    assert found.seconds_left() is None
    found._began -= 20.0
    found.advance(count=4)
    assert found.seconds_left() == pytest.approx(30.0, rel=0.05)
    assert Tally("t", None).seconds_left() is None


def test_an_unknown_price_is_said() -> None:
    found = Tally("t", None)
    assert found.traffic() == ""
    found.follow(lambda: Pulse(0, 0, None))
    assert found.traffic().endswith("price unknown")


def test_a_live_view_shows_the_same() -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=200)
    columns: tuple[Any, ...] = (TextColumn("{task.fields[outcomes]}"), TextColumn("{task.fields[traffic]}"))
    with Progress(*columns, console=console) as shown:
        live = progress._Live("t", 3, shown)
        live.follow(pulse)
        live.advance("ok")
    assert "ok 1" in written.getvalue() and "in flight 7" in written.getvalue() and "$1.2500" in written.getvalue()


def test_without_a_terminal_a_line_comes_though_nothing_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    said = threading.Event()
    monkeypatch.setattr(progress._Lines, "beat", 0.01)
    monkeypatch.setattr(progress._Lines, "line", lambda self: said.set())
    with tally("collect x", 4):
        assert said.wait(30)
