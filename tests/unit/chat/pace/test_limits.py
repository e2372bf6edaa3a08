import asyncio
import random

import pytest

from rlkd_data.chat.pace.aimd import Aimd, first_window
from rlkd_data.chat.pace.limits import Bucket, Expectation, Limits, Need
from rlkd_data.chat.pace.slots import Slots
from rlkd_data.schema import Usage


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)

    def clock(self) -> float:
        return self.now


def limits(rpm: float | None = None, tpm: float | None = None) -> tuple[Limits, Time]:
    time = Time()
    return Limits(rpm, tpm, sleep=time.sleep, clock=time.clock), time


async def test_requests_over_the_limit_wait() -> None:
    limit, time = limits(rpm=60)
    at = []
    for _ in range(121):
        await limit.acquire(Need(1, 1))
        at.append(time.now)
    assert at[0] == 0.0 and at[-1] == pytest.approx(120.0, abs=0.5)
    assert all(sum(t <= other < t + 60 for other in at) <= 62 for t in at)


async def test_tokens_over_the_limit_wait_and_a_request_larger_than_the_burst_goes_through() -> None:
    limit, time = limits(tpm=6000)
    for _ in range(13):
        await limit.acquire(Need(300, 200))
    assert 12 * 500 / 100 - 2 <= time.now <= 12 * 500 / 100 + 1


async def test_replies_give_back_what_they_did_not_take() -> None:
    limit, time = limits(tpm=6000)
    for _ in range(13):
        await limit.acquire(Need(100, 900))
        limit.settle(Need(100, 900), Usage(100, 0, 100))
    assert time.now <= 13 * 200 / 100 + 1


async def test_what_replies_took_beyond_the_estimate_is_waited_for() -> None:
    limit, time = limits(tpm=6000)
    for _ in range(11):
        await limit.acquire(Need(10, 10))
        limit.settle(Need(10, 10), Usage(500, 0, 500))
    assert time.now >= 10 * 1000 / 100 - 2


OPENAI = {
    "x-ratelimit-limit-requests": "120",
    "x-ratelimit-remaining-requests": "0",
    "x-ratelimit-limit-tokens": "9000",
}
ANTHROPIC = {
    "anthropic-ratelimit-requests-limit": "120",
    "anthropic-ratelimit-requests-remaining": "7",
    "anthropic-ratelimit-input-tokens-limit": "600",
    "anthropic-ratelimit-output-tokens-limit": "800",
    "anthropic-ratelimit-tokens-reset": "2026-01-01T00:00:00Z",
}


async def test_limits_are_learned_from_either_provider_s_headers() -> None:
    limit, _ = limits()
    limit.learn({"content-type": "text/html"}, 0.1)
    assert limit.known == {}
    limit.learn(OPENAI, 0.1)
    assert limit.known == {"requests": 120, "tokens": 9000}
    other, time = limits()
    other.learn(ANTHROPIC, 0.1)
    assert other.known == {"requests": 120, "input_tokens": 600, "output_tokens": 800}
    for _ in range(4):
        await other.acquire(Need(100, 10))
    assert time.now >= 300 / 10 - 2  # the input limit is the one that binds


async def test_the_user_s_lower_limit_stays_and_a_higher_one_does_not() -> None:
    low, _ = limits(rpm=10)
    low.learn(OPENAI, 0.1)
    high, _ = limits(rpm=1000)
    high.learn(OPENAI, 0.1)
    assert low.known["requests"] == 10 and high.known["requests"] == 120


async def test_an_old_word_that_nothing_remains_does_not_starve() -> None:
    limit, time = limits()
    for _ in range(20):
        await limit.acquire(Need(1, 1))
        limit.learn(OPENAI, 30.0)
    assert time.now <= 20 / 2


@pytest.mark.parametrize("value", ["", "many", "-3", "0"])
async def test_headers_that_make_no_sense_set_no_limit(value: str) -> None:
    limit, _ = limits()
    limit.learn({"x-ratelimit-limit-requests": value, "x-ratelimit-remaining-requests": value}, 0.1)
    assert limit.known == {}


def test_a_bucket_is_never_fuller_than_its_burst() -> None:
    bucket = Bucket(600, 0.0)
    bucket.take(-1000)
    bucket.take(10)
    assert bucket.wait(5, 0.0) == pytest.approx(0.5)


def test_expectations_come_near_to_what_is_seen() -> None:
    expected = Expectation()
    assert expected.of(1000, 500).completion == 500
    for _ in range(60):
        expected.learn(1000, Usage(250, 0, 80))
    need = expected.of(2000, 500)
    assert need.prompt == pytest.approx(500, rel=0.01) and need.completion == pytest.approx(80)


def test_a_window_grows_to_its_cap_and_not_beyond() -> None:
    window = Aimd(100, start=10)
    for _ in range(500):
        window.finished(False)
    assert window.window == 100


def test_a_round_that_was_turned_away_halves_the_window_once() -> None:
    window = Aimd(64)
    for _ in range(64):
        window.finished(True)
    assert window.window == 32


def test_growth_is_additive_after_the_first_congestion() -> None:
    window = Aimd(64, start=16)
    for _ in range(16):
        window.finished(True)
    assert window.window == 8
    for _ in range(8):
        window.finished(False)
    assert window.window in (8, 9)


def test_the_window_never_closes() -> None:
    window = Aimd(8)
    for _ in range(1000):
        window.finished(True)
    assert window.window == 1


@pytest.mark.parametrize("capacity", [4, 20])
def test_the_window_finds_a_server_s_capacity(capacity: int) -> None:
    window = Aimd(128)
    sizes = []
    for _ in range(200):
        size = window.window
        for place in range(size):
            window.finished(place >= capacity)
        sizes.append(size)
    assert capacity * 0.5 <= sum(sizes[50:]) / 150 <= capacity * 1.3


def test_stray_refusals_do_not_bring_a_run_to_a_crawl() -> None:
    window, chance = Aimd(128), random.Random(0)
    sizes = []
    for _ in range(20_000):
        window.finished(chance.random() < 0.05)
        sizes.append(window.window)
    assert sum(sizes[5000:]) / 15_000 > 20


def test_the_first_window_is_half_of_what_is_allowed() -> None:
    assert [first_window(cap) for cap in (1, 16, 40, 128)] == [1, 16, 32, 64]


async def test_slots_can_be_resized_and_survive_cancelled_waiters() -> None:
    slots = Slots(2)
    most = running = 0

    async def work() -> None:
        nonlocal most, running
        async with slots:
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.002)
            running -= 1

    tasks = [asyncio.create_task(work()) for _ in range(30)]
    await asyncio.sleep(0.003)
    for task in tasks[5:12]:
        task.cancel()
    slots.resize(5)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert most == 5 and slots.used == 0
    slots.resize(1)
    most = 0
    await asyncio.gather(*(work() for _ in range(5)))
    assert most == 1 and slots.used == 0


async def test_a_waiter_cancelled_at_the_moment_it_is_admitted_gives_its_slot_back() -> None:
    slots = Slots(1)
    await slots.__aenter__()

    async def work() -> None:
        async with slots:
            pass

    waiting = asyncio.create_task(work())
    await asyncio.sleep(0)
    await slots.__aexit__(None, None, None)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert slots.used == 0
