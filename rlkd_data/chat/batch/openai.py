"""The batches of OpenAI: a file of requests is uploaded, a batch is created of it, results come as one or two files.

A batch carries `metadata`, so the one that an interrupted create call made is told by its token; a compatible server
that drops metadata still gives `input_file_id` back.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from rlkd_data.chat.backends.failures import Endpoint, failure, malformed
from rlkd_data.chat.backends.openai_reply import read_reply
from rlkd_data.chat.backends.sdk import Connection
from rlkd_data.chat.batch.search import is_older
from rlkd_data.chat.batch.state import Found, Intent, Item, Limits, Seen
from rlkd_data.chat.money.tokens import count
from rlkd_data.chat.types import Failed, Hopeless, Retryable

_ENDED = ("completed", "expired", "cancelled")
_MARK = "rlkd"
_UNTRIED = ("batch_expired", "batch_cancelled")


class OpenAIBatches:
    """Batches of chat completions."""

    limits = Limits(50_000, 200 * 10**6)
    wants_file = True

    def __init__(self, at: Endpoint, connection: Connection) -> None:
        self._at, self._connection = at, connection
        self.site = at.base_url

    def line(self, custom_id: str, wire: dict[str, Any]) -> bytes:
        request = {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": wire["body"]}
        return json.dumps(request, separators=(",", ":")).encode() + b"\n"

    async def upload(self, intent: Intent, requests: Path) -> str:
        name = f"rlkd-{intent.token}.jsonl"
        with requests.open("rb") as stream:
            async with self._connection.sdk() as client:
                made = await client.files.create(file=(name, stream, "application/jsonl"), purpose="batch")
        return _id(self._at, made.id)

    async def create(self, intent: Intent, requests: Path) -> str:
        body = {
            "input_file_id": intent.file_id,
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "metadata": {_MARK: intent.token},
        }
        return _id(self._at, (await self._connection.post("/batches", body)).get("id"))

    async def find(self, intent: Intent, others: frozenset[str]) -> str | Found:
        after: dict[str, Any] = {}
        while True:
            page = await self._connection.get("/batches", {"limit": 100} | after)
            batches = page.get("data") or []
            for batch in batches:
                if batch.get("status") == "failed":  # refused before it began: another may be created
                    continue
                ours = (batch.get("metadata") or {}).get(_MARK) == intent.token
                if ours or (intent.file_id and batch.get("input_file_id") == intent.file_id):
                    return _id(self._at, batch.get("id"))
                if is_older(batch.get("created_at"), intent):
                    return Found.ABSENT
            if not batches or not page.get("has_more"):
                return Found.ABSENT
            after = {"after": batches[-1]["id"]}

    async def look(self, batch_id: str) -> Seen:
        batch = await self._connection.get(f"/batches/{batch_id}")
        counts = batch.get("request_counts") or {}
        status = str(batch.get("status"))
        done, total = count(counts.get("completed")) + count(counts.get("failed")), count(counts.get("total"))
        if status == "failed":
            return Seen(status, 0, total, ended=True, failure=_refusal(self._at, batch))
        files = tuple(f for f in (batch.get("output_file_id"), batch.get("error_file_id")) if f)
        ended = status in _ENDED
        return Seen(status, done, total, ended, files if ended else ())

    def fetch(self, results: str) -> AsyncGenerator[bytes]:
        return self._connection.stream(f"/files/{results}/content")

    def read(self, line: bytes) -> Item:
        try:
            found = json.loads(line)
            custom_id = found["custom_id"]
            response, error = found.get("response"), found.get("error")
            if not isinstance(custom_id, str):
                raise ValueError("its custom_id is no string")
            if response:
                return Item(custom_id, self._answer(int(response["status_code"]), response["body"]))
            code = str((error or {}).get("code"))
            if code in _UNTRIED:
                return Item(custom_id, None)
            said = self._at.hide(str((error or {}).get("message") or code))
            return Item(custom_id, Retryable(f"{self._at.model}: {said}", reason="server_error"))
        except (KeyError, TypeError, AttributeError) as problem:
            raise ValueError(f"not a line of results: {problem!r}") from None

    def _answer(self, status: int, body: Any) -> Any:
        if status != 200:
            return failure(self._at, status, {}, json.dumps(body))
        try:
            return read_reply(self._at, body)
        except Failed as problem:
            return problem


def _id(at: Endpoint, value: Any) -> str:
    if not isinstance(value, str) or not value or "/" in value:
        raise malformed(at, "it names no id")
    return value


def _refusal(at: Endpoint, batch: dict[str, Any]) -> Failed:
    """Why a batch was refused as a whole: none of its requests was tried."""
    errors = (batch.get("errors") or {}).get("data") or [{}]
    first = errors[0]
    code, said = str(first.get("code")), at.hide(str(first.get("message") or first.get("code") or "no reason given"))
    where = f" (line {first['line']})" if first.get("line") else ""
    told = f"{at.model} at {at.base_url} refused a batch{where}: {said}"
    if "token_limit" in code or "rate_limit" in code:  # the account's limit of tokens that may be waiting
        return Retryable(told, reason="rate_limited")
    return Hopeless(told)
