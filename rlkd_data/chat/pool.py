"""Several servers of one model as one backend: the least loaded first, and a prompt's prefix where it was before.

A request's key is the one that it has at the *first* server alone: which of them answers changes nothing, so a reply is
paid for once, whoever gave it, and servers behind the first may come and go.

- Load is a server's usual seconds a reply times what is in flight there (Peak-EWMA, as balancers of RPC have it). One
  that was sent other prefixes since counts as more loaded, up to three times: it may have to read this one anew.
- Each server has a window of its own: one that turns requests away for its load gets fewer at once, and the others what
  it did not take. Where all windows are full, a request waits here.
- A server that cannot be reached, says how long to wait, or turns away its only request is left out for a while that
  doubles, then tried with one request. What it did not take goes to another at once; the scheduler hears of it where
  none takes it.
- Limits a minute, the user's and those of the servers' headers, are each server's own.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from rlkd_data.chat.pace.aimd import Aimd, first_window
from rlkd_data.chat.pace.limits import Expectation, Limits
from rlkd_data.chat.tries import CONGESTED
from rlkd_data.chat.types import Backend, Reply, Request, Retryable
from rlkd_data.run.progress import say
from rlkd_data.schema import Sampling, Usage

_HELD = 4
"""Prefixes that are remembered of a server: with each that it was sent since, one is less surely in its cache."""
_ANEW = 2.0
"""How much more loaded a server counts that has none of a prefix. Of servers that take twice as long over one that is
not in their cache, this and `_HELD` come nearest to the floor."""
_SHORTEST = 0.001
"""Seconds that a reply takes at least."""
_LATEST = 0.2
"""Weight of the latest reply in a server's usual seconds."""
_FIRST_REST, _LONGEST_REST = 1.0, 60.0


class Member(Backend, Protocol):
    """A backend that may be in a pool."""

    prices: Any

    def sent(self, wire: dict[str, Any], asked: Sampling) -> Sampling: ...

    def watch_headers(self, see: Callable[[Mapping[str, str], float], None]) -> None: ...

    def learn_with(self, other: Any) -> None:
        """Share with another backend of the same model what it takes and what it refuses."""


@dataclass
class _Server:
    url: str
    backend: Member
    limits: Limits
    window: Aimd
    in_flight: int = 0
    answered: int = 0
    seconds: float | None = None
    rest: float = 0.0
    """Seconds that it was last left out for; 0 while it answers."""
    out_until: float = 0.0
    prefixes: OrderedDict[bytes, None] = field(default_factory=OrderedDict)

    def load(self, prefix: bytes, usual: float) -> float:
        since = next((at for at, held in enumerate(reversed(self.prefixes)) if held == prefix), _HELD)
        return (
            max(_SHORTEST, usual if self.seconds is None else self.seconds)
            * (self.in_flight + 1)
            * (1.0 + _ANEW * since / _HELD)
        )

    @property
    def has_room(self) -> bool:
        return self.in_flight < self.window.window

    def takes(self, now: float) -> bool:
        """Whether it may be asked: one that was left out gets a single request first."""
        return self.rest == 0 or (now >= self.out_until and self.in_flight == 0)

    def holds(self, prefix: bytes) -> None:
        self.prefixes[prefix] = None
        self.prefixes.move_to_end(prefix)
        while len(self.prefixes) > _HELD:
            self.prefixes.popitem(last=False)


class Pool:
    """One model behind several servers. `members` are (URL, backend), the first of which names the requests; `rpm` and
    `tpm` are limits of each, `concurrency` is the most that any of them may have in flight."""

    def __init__(
        self,
        members: Sequence[tuple[str, Member]],
        *,
        rpm: float | None = None,
        tpm: float | None = None,
        concurrency: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._first, self._clock = members[0][1], clock
        self.model = self._first.model
        self.default_concurrency = sum(backend.default_concurrency for _, backend in members)
        self.prices = self._first.prices
        most = concurrency or self.default_concurrency
        self._servers = [
            _Server(url, backend, Limits(rpm, tpm), Aimd(most, first_window(most))) for url, backend in members
        ]
        self._freed = asyncio.Event()
        self._expected = Expectation()
        for server in self._servers:
            server.backend.watch_headers(server.limits.learn)
            if server.backend is not self._first:
                server.backend.learn_with(self._first)

    @property
    def answered(self) -> dict[str, int]:
        """Replies by server."""
        return {server.url: server.answered for server in self._servers}

    def wire(self, request: Request) -> dict[str, Any]:
        return self._first.wire(request)

    def sent(self, wire: dict[str, Any], asked: Sampling) -> Sampling:
        return self._first.sent(wire, asked)

    async def ask(self, wire: dict[str, Any]) -> Reply:
        """Ask one server, and another where it did not take the request. Raises what the last one said where none did,
        and at once what may have been paid for: the scheduler reckons with it. No wait that one server asks for is
        longer than until another is tried again."""
        prefix = _prefix(wire)
        left = list(self._servers)
        while True:
            server = await self._take(left, prefix)
            left.remove(server)
            try:
                reply = await self._ask(server, wire, prefix)
            except Retryable as failure:
                server.window.finished(failure.reason in CONGESTED)
                is_busy = failure.reason in CONGESTED and not failure.retry_after and server.in_flight > 1
                if not is_busy and failure.reason != "timeout":
                    self._leave_out(server, failure)
                taken = failure.paid or failure.usage is not None
                if taken or not any(other.takes(self._clock()) for other in left):
                    self._shorten(failure)
                    raise
            else:
                server.window.finished(False)
                return reply
            finally:
                server.in_flight -= 1
                self._freed.set()

    async def _take(self, among: Sequence[_Server], prefix: bytes) -> _Server:
        """The server to ask, with a place in its window; waits for one where all are full."""
        while (server := self._choose(among, prefix)) is None:
            self._freed.clear()
            await self._freed.wait()
        server.in_flight += 1
        server.holds(prefix)  # from now on, and not from its reply on: those that are sent meanwhile shall know
        return server

    def _shorten(self, failure: Retryable) -> None:
        """Let the scheduler come back when the first of the servers is tried again; where one is being tried just now,
        after pauses of its own."""
        if failure.retry_after is not None:
            soonest = min(server.out_until for server in self._servers) - self._clock()
            if soonest < failure.retry_after:
                failure.retry_after = soonest if soonest > 0 else None

    async def _ask(self, server: _Server, wire: dict[str, Any], prefix: bytes) -> Reply:
        size, body = len(json.dumps(wire["body"])), wire["body"]
        need = self._expected.of(size, body.get("max_tokens") or body.get("max_completion_tokens"))
        used = Usage()
        await server.limits.acquire(need)
        try:
            began = self._clock()
            reply = await server.backend.ask(wire)
            used = reply.usage
        finally:
            server.limits.settle(need, used)
        took = self._clock() - began
        server.seconds = took if server.seconds is None else server.seconds + _LATEST * (took - server.seconds)
        server.answered += 1
        self._expected.learn(size, used)
        if server.rest:
            server.rest = 0.0
            say(f"{self.model} at {server.url} answers again")
        return replace(reply, server=server.url)

    def _choose(self, among: Sequence[_Server], prefix: bytes) -> _Server | None:
        now = self._clock()
        able = [server for server in among if server.takes(now)]
        if not able:  # all are left out: the one that is the next to be tried
            return min(among, key=lambda server: (server.out_until, server.in_flight))
        able = [server for server in able if server.has_room]
        if not able:
            return None
        known = [server.seconds for server in able if server.seconds is not None]
        usual = min(known, default=1.0)  # one that was never asked is worth a try
        return min(able, key=lambda server: (server.load(prefix, usual), _rank(prefix, server.url)))

    def _leave_out(self, server: _Server, failure: Retryable) -> None:
        now = self._clock()
        if server.rest and now < server.out_until:  # sent before another's failure told
            return
        if not server.rest:
            others = sum(not other.rest for other in self._servers) - 1
            said = {0: "no other server goes on", 1: "1 other server goes on"}.get(
                others, f"{others} other servers go on"
            )
            say(f"{failure}: left out, and tried again later; {said}")
        server.rest = min(max(2 * server.rest, _FIRST_REST), _LONGEST_REST)
        server.out_until = now + max(server.rest, failure.retry_after or 0.0)

    async def close(self) -> None:
        await asyncio.gather(*(server.backend.close() for server in self._servers))


def _prefix(wire: dict[str, Any]) -> bytes:
    """Names what a request shares with others: all messages but the last, or its only one, which samples share."""
    messages = wire["body"]["messages"]
    return hashlib.blake2b(json.dumps(messages[:-1] or messages).encode(), digest_size=16).digest()


def _rank(prefix: bytes, url: str) -> bytes:
    """Where servers are as loaded, each prefix has an order of its own (rendezvous hashing)."""
    return hashlib.blake2b(prefix + url.encode(), digest_size=8).digest()
