"""Many requests at once: those that are asked come from any source, and their answers go to whoever takes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import Any

from rlkd_data.chat.types import Hopeless


async def as_async(requests: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Any]:
    """Pairs from either kind of source, as an asynchronous one."""
    if isinstance(requests, AsyncIterable):
        async for pair in requests:
            yield pair
    else:
        for pair in requests:
            yield pair


async def until_done_or_failed(workers: list[asyncio.Task[None]]) -> None:
    """Wait for all workers, or for the first that fails, and raise that failure.

    Hopeless comes before any other failure: it says what the user has to change.
    """
    done, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
    failures = [error for task in done if not task.cancelled() and (error := task.exception()) is not None]
    if failures:
        raise next((error for error in failures if isinstance(error, Hopeless)), failures[0])


def wake(results: asyncio.Queue[Any]) -> None:
    """Let the reader of an empty queue see that no more comes."""
    if not results.full():  # a full one wakes its reader by itself
        results.put_nowait(None)
