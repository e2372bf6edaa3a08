from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from rlkd_data.chat.pace.breaker import Silence, unless_fruitless
from rlkd_data.chat.types import Failed, Hopeless, Misused, Rejected, Reply, Retryable
from rlkd_data.schema import Usage

REPLY = Reply("a", None, "stop", Usage(), "m", datetime.now(UTC))
BAD = Rejected("no such field", reason="bad_request")
LONG = Rejected("too long", reason="too_long")
CUT = Rejected("hung up", reason="upstream_error")
DOWN = Retryable("down", reason="server_error")


async def through(answers: Sequence[Reply | Failed], after: int = 3, begun: bool = False) -> list[Any]:
    async def given() -> AsyncGenerator[tuple[int, Reply | Failed]]:
        for number, answer in enumerate(answers):
            yield number, answer

    return [pair async for pair in unless_fruitless(given(), after=after, begun=begun)]


async def test_failures_are_held_until_something_succeeds_and_none_is_lost() -> None:
    assert await through([BAD, CUT, REPLY, BAD, BAD, BAD]) == [
        (0, BAD), (1, CUT), (2, REPLY), (3, BAD), (4, BAD), (5, BAD)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "kind", "status"), [([BAD] * 3, Misused, 2), ([CUT] * 3, Hopeless, 1), ([DOWN] * 5, Hopeless, 1)]
)
async def test_so_many_alike_without_a_success_end_the_run(answers: list[Failed], kind: type, status: int) -> None:
    with pytest.raises(Hopeless, match="failed alike") as raised:
        await through(answers)
    assert type(raised.value) is kind and raised.value.exit_code == status and str(answers[0]) in str(raised.value)


async def test_where_all_are_refused_for_their_settings_no_row_is_told_of() -> None:
    with pytest.raises(Misused, match="none of 2 requests"):
        await through([BAD, BAD])
    with pytest.raises(Misused, match=r"^no such field$"):
        await through([BAD])


@pytest.mark.parametrize("answers", [[CUT, CUT], [BAD, CUT], [DOWN], [LONG] * 9, []])
async def test_few_failures_that_are_no_setting_s_are_the_rows_own(answers: list[Failed]) -> None:
    assert [answer for _, answer in await through(answers)] == answers


async def test_a_run_that_goes_on_and_one_without_a_breaker_hold_nothing_back() -> None:
    assert len(await through([BAD] * 9, begun=True)) == len(await through([BAD] * 9, after=0)) == 9


def test_a_server_that_only_refuses_connections_is_dead_after_seconds_and_a_silent_one_later() -> None:
    refused, cut = Retryable("x", reason="connection"), Retryable("x", reason="connection", paid=True)
    new = Silence()
    assert [new.is_dead(refused, now) for now in (10.0, 12.0, 15.0)] == [False, False, True]
    known = Silence()
    known.heard()
    assert [known.is_dead(refused, now) for now in (10.0, 50.0, 99.0, 100.0)] == [False, False, False, True]
    assert [known.is_dead(one, now) for one, now in ((cut, 101.0), (refused, 102.0), (DOWN, 300.0))] == [False] * 3
