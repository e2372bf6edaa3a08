"""An aiohttp application served until a signal ends it, whatever its clients do: slow ones lose their connection, and
the end comes within `shutdown_timeout`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from aiohttp import web

from rlkd_data.errors import InputError
from rlkd_data.run.interrupt import INTERRUPTED, TERMINATED
from rlkd_data.run.progress import console
from rlkd_train.config import RewardServerSettings

_FOR_ANSWERS = 0.8
"""Of the time to stop in: for the answers of what is in flight."""
_FOR_CLOSING = 3.0
"""Seconds of it, up to half: for closing connections, models, store and process."""
_LINGER = 2.0
"""Seconds in which the rest of a refused body is taken, so that its sender can read why."""


class Serving:
    """One server's life. From the signal on a clock runs that outlasts it: nothing that is being closed afterwards can
    keep the process for longer than it may take to stop."""

    def __init__(self, settings: RewardServerSettings) -> None:
        self._settings = settings
        self._status = TERMINATED
        self.stopping = False
        self._in_flight = 0
        self._over = asyncio.Event()

    async def until_stopped(self, app: web.Application, stopping: Callable[[], None]) -> bool:
        """Serve until SIGINT or SIGTERM, then until what is in flight is answered or the time is over: whether all was.
        `stopping` is called in between. Raises InputError for an address that cannot be used."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for one, status in ((signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)):
            loop.add_signal_handler(one, self._stop, stop, status)
        app.middlewares.insert(0, self._counted)
        settings = self._settings
        runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=settings.shutdown_timeout * (1 - _FOR_ANSWERS) / 8,  # aiohttp waits as long twice
            keepalive_timeout=settings.header_timeout,  # which counts from the connection to the end of the headers
            lingering_time=_LINGER,
        )
        await runner.setup()
        try:
            await self._listen(runner)
            await stop.wait()
            console.print("stopping: requests in flight are answered first", markup=False)
            for site in runner.sites:
                await site.stop()
            stopping()
            if runner.server is not None:
                runner.server.pre_shutdown()  # connections without a request, or with half of its headers
            return await self._answered()
        finally:
            await runner.cleanup()

    async def _listen(self, runner: web.AppRunner) -> None:
        settings = self._settings
        try:
            await web.TCPSite(runner, settings.host, settings.port).start()
        except OSError as problem:
            raise InputError(
                f"cannot listen on {settings.host}:{settings.port} ({problem.strerror}): "
                "choose another --port or --host"
            ) from None
        host, port = runner.addresses[0][:2]
        print(f"http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)

    def _stop(self, stop: asyncio.Event, status: int) -> None:
        if self.stopping:  # the second signal
            os._exit(status)
        self.stopping, self._status = True, status
        self._end_at_last(self._settings.shutdown_timeout)
        stop.set()

    def _end_at_last(self, seconds: float) -> None:
        """Have the process end by then, whatever it is at."""
        last = threading.Timer(seconds - min(0.5, seconds / 10), self._give_up)
        last.daemon = True
        last.start()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds)  # no thread runs any more while the interpreter ends

    def _give_up(self) -> None:
        print("stopped at the end of shutdown_timeout; replies that had come are kept", file=sys.stderr, flush=True)
        os._exit(self._status)

    @web.middleware
    async def _counted(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self._in_flight += 1
        try:
            response: web.StreamResponse = await handler(request)
            return response
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._over.set()

    async def _answered(self) -> bool:
        """Wait for what is in flight; False where its time is over before."""
        self._over.clear()
        if not self._in_flight:
            return True
        whole = self._settings.shutdown_timeout
        try:
            await asyncio.wait_for(self._over.wait(), max(whole / 2, min(_FOR_ANSWERS * whole, whole - _FOR_CLOSING)))
        except TimeoutError:
            print(f"{self._in_flight} requests are not answered: their time is over", file=sys.stderr, flush=True)
            return False
        return True
