"""A slot that comes free in the very moment in which somebody stops waiting for it."""

from __future__ import annotations

import asyncio

import pytest

from rlkd_data.chat.pace.slots import Slots


async def test_who_stops_waiting_as_a_slot_comes_free_is_cancelled_and_takes_none() -> None:
    slots = Slots(1)

    async def hold() -> None:
        async with slots:
            pass

    async with slots:
        waiting = asyncio.create_task(hold())
        await asyncio.sleep(0)  # it waits
        waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait_for(hold(), 1)
    assert slots.used == 0
