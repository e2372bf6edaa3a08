from datetime import datetime
from pathlib import Path

import pytest

from rlkd_data.chat.client import Client
from rlkd_data.chat.pace.limits import Limits, Need
from rlkd_data.chat.pace.waiting import Waits, ends
from rlkd_data.chat.store import ResponseStore
from rlkd_data.chat.types import ComeBack, Reply, Retryable
from tests.unit.chat.test_client import Backend, Time, numbered, raising


def limited(seconds: float | None) -> Retryable:
    return Retryable("m says slow down", reason="rate_limited", retry_after=seconds)


def test_a_long_wait_is_said_once_with_its_end_and_a_short_one_not(capsys: pytest.CaptureFixture[str]) -> None:
    waits = Waits(900.0)
    for seconds, now in ((None, 0.0), (59.0, 0.0), (120.0, 0.0), (119.0, 1.0), (300.0, 2.0)):
        waits.note(limited(seconds), now)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and "waiting until" in lines[0] and "(2 minutes)" in lines[0] and "(5 minutes)" in lines[1]


@pytest.mark.parametrize("seconds", [901.0, 3600.0, 1e9, 1e300])
def test_a_wait_that_is_too_long_ends_the_run_and_says_when_to_come_back(seconds: float) -> None:
    with pytest.raises(ComeBack, match="--longest-wait; what was answered is kept"):
        Waits(900.0).note(limited(seconds), 0.0)


def test_the_end_of_a_wait_names_its_day_where_that_is_another() -> None:
    assert len(ends(40 * 86400)) == len("2026-01-01 12:00:00")
    now = datetime.now().astimezone()
    assert ends(0) in (now.strftime("%H:%M:%S"), datetime.now().astimezone().strftime("%H:%M:%S"))


async def test_what_was_answered_before_a_long_wait_is_kept(tmp_path: Path) -> None:
    clock = Time()
    backend = Backend(lambda prompt, tries: raising(limited(5000.0))(prompt, tries) if prompt == "p3" else 0.0)
    store = ResponseStore(tmp_path / "s.sqlite")
    found = []
    async with Client(backend, store, longest_wait=900.0, sleep=clock.sleep, clock=clock.clock) as client:
        with pytest.raises(ComeBack):
            async for _, reply in client.ask_all(numbered(100)):
                found.append(reply)
    assert len(found) >= 3 and all(isinstance(reply, Reply) for reply in found) and clock.slept == []
    assert len(backend.asked) < 30


async def test_absurd_limits_in_headers_hold_a_request_back_for_a_minute_at_most() -> None:
    clock = Time()
    limits = Limits(sleep=clock.sleep, clock=clock.clock)
    limits.learn({"x-ratelimit-limit-tokens": "1", "x-ratelimit-remaining-tokens": "-1e9"}, 0.0)
    limits.learn({"x-ratelimit-limit-requests": "nan", "x-ratelimit-remaining-requests": "-1e300"}, 0.0)
    await limits.acquire(Need(500.0, 500.0))
    assert 0 < clock.now <= 61.0
    given = Limits(tpm=60.0, sleep=clock.sleep, clock=clock.clock)
    began = clock.now
    for _ in range(3):
        await given.acquire(Need(100.0, 0.0))  # a user's own limit holds as long as it must
    assert clock.now - began > 100
