"""The batches of Anthropic: the requests go with the create call, results come as one stream of lines.

A batch carries no metadata. The one that an interrupted create call made is told by the `custom_id`s of its results,
which begin with the intent's token; while a batch is still running it can only be told by its number of requests, so
such a one is waited for before anything is created again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from rlkd_data.chat.backends.anthropic_reply import read_reply
from rlkd_data.chat.backends.failures import TYPES, Endpoint, failure, malformed
from rlkd_data.chat.backends.sdk import Connection
from rlkd_data.chat.batch.search import is_older
from rlkd_data.chat.batch.state import Found, Intent, Item, Limits, Seen
from rlkd_data.chat.money.tokens import count
from rlkd_data.chat.types import Failed, Hopeless, Rejected, Reply

_PATH = "/v1/messages/batches"
_HEAD, _TAIL = b'{"requests":[', b"]}"
_PIECE = 1 << 20


class AnthropicBatches:
    """Batches of messages."""

    limits = Limits(100_000, 256 * 10**6 - 1024)
    wants_file = False

    def __init__(self, at: Endpoint, connection: Connection) -> None:
        self._at, self._connection = at, connection
        self.site = at.base_url

    def line(self, custom_id: str, wire: dict[str, Any]) -> bytes:
        request = {"custom_id": custom_id, "params": wire["body"]}
        return json.dumps(request, separators=(",", ":")).encode() + b"\n"

    async def upload(self, intent: Intent, requests: Path) -> str:
        raise AssertionError("not asked for: the requests go with the create call")

    async def create(self, intent: Intent, requests: Path) -> str:
        size = (await asyncio.to_thread(requests.stat)).st_size - 1  # without the last newline
        body = _body(requests, size)
        made = await self._connection.send(_PATH, body, len(_HEAD) + size + len(_TAIL))
        return _id(self._at, made.get("id"))

    async def find(self, intent: Intent, others: frozenset[str]) -> str | Found:
        unsure = False
        async for batch in self._listed(intent):
            batch_id = _id(self._at, batch.get("id"))
            size = sum(count(n) for n in (batch.get("request_counts") or {}).values())
            if batch_id in others or size != intent.count or batch.get("archived_at"):
                continue
            if batch.get("processing_status") != "ended":
                unsure = True
            elif await self._token_of(batch_id) == intent.token:
                return batch_id
        return Found.UNSURE if unsure else Found.ABSENT

    async def _listed(self, intent: Intent) -> AsyncIterator[dict[str, Any]]:
        """The account's batches from the newest on, as far back as the intent's can be."""
        after: dict[str, Any] = {}
        while True:
            page = await self._connection.get(_PATH, {"limit": 1000} | after)
            for batch in page.get("data") or []:
                if is_older(batch.get("created_at"), intent):
                    return
                yield batch
            if not page.get("has_more"):
                return
            after = {"after_id": page["last_id"]}

    async def _token_of(self, batch_id: str) -> str | None:
        """The token in the first line of a batch's results."""
        start = b""
        try:
            async with aclosing(self._connection.stream(f"{_PATH}/{batch_id}/results")) as pieces:
                async for piece in pieces:
                    start += piece
                    if b"\n" in start:
                        break
            custom_id = json.loads(start.split(b"\n", 1)[0])["custom_id"]
        except (Rejected, Hopeless, ValueError, KeyError, TypeError):
            return None  # another program's batch
        return str(custom_id).partition("-")[0]

    async def look(self, batch_id: str) -> Seen:
        batch = await self._connection.get(f"{_PATH}/{batch_id}")
        counts = batch.get("request_counts") or {}
        total = sum(count(n) for n in counts.values())
        status = str(batch.get("processing_status"))
        ended = status == "ended"
        results = (batch_id,) if ended and not batch.get("archived_at") else ()
        return Seen(status, total - count(counts.get("processing")), total, ended, results)

    def fetch(self, results: str) -> AsyncGenerator[bytes]:
        # Not `results_url`: the key goes to the base URL that the user named, and nowhere else.
        return self._connection.stream(f"{_PATH}/{results}/results")

    def read(self, line: bytes) -> Item:
        try:
            found = json.loads(line)
            custom_id, result = found["custom_id"], found["result"]
            if not isinstance(custom_id, str):
                raise ValueError("its custom_id is no string")
            match result["type"]:
                case "succeeded":
                    return Item(custom_id, self._answer(result["message"]))
                case "errored":
                    error = result["error"]
                    kind = (error.get("error") or error).get("type")
                    return Item(custom_id, failure(self._at, TYPES.get(kind, 500), {}, json.dumps(error)))
                case _:  # expired, canceled
                    return Item(custom_id, None)
        except (KeyError, TypeError, AttributeError) as problem:
            raise ValueError(f"not a line of results: {problem!r}") from None

    def _answer(self, message: Any) -> Reply | Failed:
        try:
            return read_reply(self._at, message)
        except Failed as problem:
            return problem


async def _body(requests: Path, left: int) -> AsyncIterator[bytes]:
    yield _HEAD
    with requests.open("rb") as stream:
        while piece := await asyncio.to_thread(stream.read, min(_PIECE, left)):
            left -= len(piece)
            yield piece.replace(b"\n", b",")  # JSON holds no bare newline, so each one ends a line
    yield _TAIL


def _id(at: Endpoint, value: Any) -> str:
    if not isinstance(value, str) or not value or "/" in value:
        raise malformed(at, "it names no id")
    return value
