"""Batches, the pure part: what is written down of one, how its items are named, when it is full, what to do next.

A batch lives through: planned (its requests are on the disk) → uploaded (where the provider wants a file) → creating
(a create call may have reached the provider) → running (its id is known) → fetched (its results are on the disk).
Each state is durable before the call that leads out of it is made, so that a killed run knows what it may have bought.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from rlkd_data.chat.types import Failed, Reply, Request

DISCOUNT = 0.5
"""What an item of a batch costs, as a share of the same request online, at both providers."""
TOKEN_LENGTH = 16
_GROWTH = 1.5
_LONGEST_POLL = 20
"""The longest pause between two looks, as a multiple of the first."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a provider takes in one batch."""

    requests: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Intent:
    """A batch that is to be created, or was. `token` is in the name of everything that the provider gets of it."""

    token: str
    backend: str
    base_url: str
    model: str
    count: int
    created_at: datetime
    attempt: int = 1
    """1 for requests that are sent for the first time, 2 for those that an earlier batch left unanswered, …"""
    file_id: str | None = None
    creating: datetime | None = None
    """When the create call was first about to be made: from here on the batch may exist."""
    batch_id: str | None = None
    fetched: bool = False
    parent: str | None = None
    """The token of the batch whose leavings these are: all else of it is in the store."""

    def to_json(self) -> dict[str, Any]:
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Intent:
        """The inverse of `to_json`. Raises TypeError, KeyError or ValueError for what it did not make."""
        creating = fields["creating"]
        dates = {
            "created_at": datetime.fromisoformat(fields["created_at"]),
            "creating": None if creating is None else datetime.fromisoformat(creating),
        }
        return cls(**(fields | dates))


class Step(Enum):
    """What brings a batch forward."""

    UPLOAD = "upload"
    FIND = "find"
    CREATE = "create"
    WATCH = "watch"
    HARVEST = "harvest"


def next_step(intent: Intent, *, wants_file: bool, absent: bool = False) -> Step:
    """The next step of a batch. `absent`: the provider was asked for it since the last create call, and has it not."""
    if intent.fetched:
        return Step.HARVEST
    if intent.batch_id is not None:
        return Step.WATCH
    if intent.creating is not None and not absent:
        return Step.FIND
    if wants_file and intent.file_id is None:
        return Step.UPLOAD
    return Step.CREATE


def new_intent(backend: str, base_url: str, model: str, token: str, count: int, attempt: int = 1) -> Intent:
    return Intent(token, backend, base_url, model, count, datetime.now(UTC), attempt)


def mark_creating(intent: Intent) -> Intent:
    """Keeps the first time: a batch is looked for from there on."""
    return intent if intent.creating is not None else replace(intent, creating=datetime.now(UTC))


def new_token() -> str:
    return secrets.token_hex(TOKEN_LENGTH // 2)


def item_id(token: str, key: bytes) -> str:
    """The `custom_id` of a request in a batch: at most 64 of the characters that both providers take. It holds the
    store's key, so that a line of results says by itself which question it answers."""
    return f"{token}-{base64.urlsafe_b64encode(key).decode().rstrip('=')}"


def item_key(custom_id: str) -> tuple[str, bytes]:
    """(token, key). Raises ValueError for an id that `item_id` did not make."""
    token, dash, name = (
        custom_id[:TOKEN_LENGTH],
        custom_id[TOKEN_LENGTH : TOKEN_LENGTH + 1],
        custom_id[TOKEN_LENGTH + 1 :],
    )
    key = base64.b64decode(name + "=" * (-len(name) % 4), altchars=b"-_", validate=True)
    if dash != "-" or len(key) != 32:
        raise ValueError(f"{custom_id!r} names no request of ours")
    return token, key


def poll_pause(first: float, looks: int) -> float:
    """Seconds to wait after look number `looks` (from 1): longer each time, since most batches take an hour or so."""
    return first * min(_LONGEST_POLL, _GROWTH ** (looks - 1))


@dataclass(frozen=True, slots=True)
class Item:
    """What a provider says of one request. `outcome` None: it was not tried (expired, cancelled), so send it again."""

    custom_id: str
    outcome: Reply | Failed | None


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at a running batch. `results`: where its results can be fetched, once it has ended. `failure`: it was
    refused as a whole, before any request was tried."""

    status: str
    answered: int
    total: int
    ended: bool = False
    results: tuple[str, ...] = ()
    failure: Failed | None = None


class Found(Enum):
    """What a search for a batch came to, where it is not the batch's id."""

    ABSENT = "absent"
    UNSURE = "unsure"
    """One that is still running may be it: only its results will tell."""


class Provider(Protocol):
    """One provider's batches. Every method that asks raises Retryable, Rejected or Hopeless; none of them retries."""

    limits: Limits
    wants_file: bool
    site: str
    """Who runs the batches, for people."""

    def line(self, custom_id: str, wire: dict[str, Any]) -> bytes:
        """A request as a line of the file of requests. Begins with the `custom_id`."""

    async def upload(self, intent: Intent, requests: Path) -> str:
        """Hand over the requests; the file's id. Takes the file of an earlier try where there is one. Asked only of a
        provider that `wants_file`."""

    async def create(self, intent: Intent, requests: Path) -> str:
        """Create the batch; its id. This is what costs money."""

    async def find(self, intent: Intent, others: frozenset[str]) -> str | Found:
        """The id of the batch that an earlier create call may have made. `others`: ids known to be of other batches."""

    async def look(self, batch_id: str) -> Seen: ...

    def fetch(self, results: str) -> AsyncGenerator[bytes]:
        """The lines of results, in pieces of any length. `results` is one of `Seen.results`."""

    def read(self, line: bytes) -> Item:
        """One line of results. Raises ValueError for a line that cannot be read."""


@runtime_checkable
class HasBatches(Protocol):
    """A backend whose provider also takes requests in batches."""

    model: str

    def wire(self, request: Request) -> dict[str, Any]: ...

    def batches(self) -> Provider:
        """The provider's batches, over this backend's connection."""

    async def close(self) -> None: ...
