import random
from datetime import UTC, datetime

import pytest

from rlkd_data.chat.pace.retry import FIRST, LONGEST, pause, retry_after

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("tries", range(1, 12))
def test_pauses_spread_over_a_range_that_doubles_up_to_a_limit(tries: int) -> None:
    rng = random.Random(1)
    top = min(LONGEST, FIRST * 2 ** (tries - 1))
    drawn = [pause(tries, None, rng) for _ in range(2000)]
    assert 0.5 * top <= min(drawn) < 0.55 * top
    assert 0.95 * top < max(drawn) <= top


def test_eight_tries_outlast_a_server_that_is_gone_for_forty_seconds() -> None:
    for seed in range(200):
        rng = random.Random(seed)
        assert sum(pause(tries, None, rng) for tries in range(1, 9)) > 60


def test_a_server_that_names_a_time_gets_at_least_that() -> None:
    rng = random.Random(1)
    drawn = [pause(1, 7.0, rng) for _ in range(200)]
    assert min(drawn) >= 7.0 and max(drawn) <= 7.0 + FIRST and len(set(drawn)) > 100


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": "-4"}, 0.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "Mon, 04 May 2026 12:01:30 GMT"}, 90.0),
        ({"retry-after": "Mon, 04 May 2026 12:01:30 -0000"}, 90.0),
        ({"retry-after": "Mon, 04 May 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "tomorrow"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Mon, 04 May 99999 12:01:30 GMT"}, None),
        ({"retry-after": "Mon, 04 May 2026 12:01:30 +9999"}, None),
        ({"retry-after": "inf"}, None),
    ],
)
def test_the_header_is_read_as_seconds_milliseconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds
