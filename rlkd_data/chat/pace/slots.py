"""A semaphore whose size may change while it is used."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType


class Slots:
    """At most `size` holders at a time, first come, first served. An async context manager; one event loop."""

    def __init__(self, size: int) -> None:
        self._size, self.used = size, 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def resize(self, size: int) -> None:
        """Holders beyond a smaller size keep their slots until they give them back."""
        self._size = size
        self._admit()

    async def __aenter__(self) -> None:
        if self.used < self._size and not self._waiting:
            self.used += 1
            return
        admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(admitted)
        try:
            await admitted  # whoever admits has taken the slot in our name
        except asyncio.CancelledError:
            if admitted.done() and not admitted.cancelled():
                self._release()
            elif admitted in self._waiting:  # or it was passed over, as cancelled, when a slot came free
                self._waiting.remove(admitted)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def _release(self) -> None:
        self.used -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self.used < self._size:
            admitted = self._waiting.popleft()
            if not admitted.done():
                self.used += 1
                admitted.set_result(None)
