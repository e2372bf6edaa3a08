"""Message batches as Anthropic serves them, for tests: `python -m tests.support.anthropic_batch_server` prints its
port."""

from __future__ import annotations

import argparse
import re
from datetime import timedelta
from typing import Any

from aiohttp import web

from tests.support.anthropic_server import Anthropic
from tests.support.batch_server import Batch, BatchServer, batch_parser, lines, serve_batches

_PATH = "/v1/messages/batches"
_ERRORS = {"400": "invalid_request_error", "500": "api_error", "529": "overloaded_error", "429": "rate_limit_error"}


class AnthropicBatchServer(BatchServer):
    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(Anthropic(options), options)
        self.app.router.add_post(_PATH, self.create)
        self.app.router.add_get(_PATH, self.list)
        self.app.router.add_get(f"{_PATH}/{{id}}", self.retrieve)
        self.app.router.add_get(f"{_PATH}/{{id}}/results", self.results)
        self.app.router.add_post(f"{_PATH}/{{id}}/cancel", self.cancel)

    async def create(self, request: web.Request) -> web.Response:
        body = await request.json()
        fault = self.create_fault()
        if fault in ("429", "500", "400"):
            return web.json_response(self.protocol.error(fault, {}, ""), status=int(fault))
        for item in body["requests"]:
            assert re.fullmatch("[a-zA-Z0-9_-]{1,64}", item["custom_id"]), item["custom_id"]
            assert set(item) == {"custom_id", "params"} and item["params"]["max_tokens"] > 0
        batch = self.make(body["requests"], "params")
        if fault == "acted":
            return web.json_response(self.protocol.error("500", {}, ""), status=500)
        return web.json_response(self.shown(batch))

    async def list(self, request: web.Request) -> web.Response:
        newest = list(reversed(self.batches.values()))
        if after := request.query.get("after_id"):
            newest = newest[[b.id for b in newest].index(after) + 1 :]
        limit = int(request.query.get("limit", 20))
        assert 1 <= limit <= 1000
        page = newest[: min(limit, self.options.page)]
        for batch in page:  # time goes on while a list is read
            batch.looks += 1
        self.listed.set()
        return web.json_response(
            {
                "data": [self.shown(b) for b in page],
                "has_more": len(newest) > len(page),
                "first_id": page[0].id if page else None,
                "last_id": page[-1].id if page else None,
            }
        )

    async def retrieve(self, request: web.Request) -> web.Response:
        batch = self.batches.get(request.match_info["id"])
        if batch is None:
            return web.json_response(self.protocol.error("404", {}, ""), status=404)
        batch.looks += 1
        return web.json_response(self.shown(batch))

    async def cancel(self, request: web.Request) -> web.Response:
        batch = self.batches[request.match_info["id"]]
        batch.cancelled = True
        return web.json_response(self.shown(batch))

    async def results(self, request: web.Request) -> web.Response:
        batch = self.batches[request.match_info["id"]]
        if not self.ended(batch):
            return web.json_response(self.protocol.error("404", {}, ""), status=404)
        rows = [{"custom_id": r["custom_id"], "result": self._result(r, fate)} for r, fate in self.shuffled(batch)]
        return web.Response(body=lines(rows), content_type="application/x-jsonl")

    def shown(self, batch: Batch) -> dict[str, Any]:
        ended, total = self.ended(batch), len(batch.requests)
        kinds = {"ok": "succeeded", "expired": "expired", "canceled": "canceled", "missing": "canceled"}
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        if ended:
            for fate in batch.fates:
                counts[kinds.get(fate, "errored")] += 1
        else:
            counts["processing"] = total
        created = batch.created.isoformat()
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": counts,
            "created_at": created,
            "expires_at": (batch.created + timedelta(days=1)).isoformat(),
            "ended_at": created if ended else None,
            "archived_at": None,
            "cancel_initiated_at": None,
            "results_url": f"http://elsewhere.invalid{_PATH}/{batch.id}/results" if ended else None,
        }

    def _result(self, request: dict[str, Any], fate: str) -> dict[str, Any]:
        if fate == "ok":
            body = request["params"]
            return {"type": "succeeded", "message": self.protocol.reply(body, self.script.answer(body))}
        if fate in ("expired", "canceled"):
            return {"type": fate}
        error = {"type": _ERRORS[fate], "message": f"fault {fate}"}
        return {"type": "errored", "error": {"type": "error", "error": error, "request_id": None}}


if __name__ == "__main__":
    arguments = batch_parser(__doc__ or "")
    arguments.add_argument("--thinking", default="thinking")
    arguments.add_argument("--page", type=int, default=1000, help="most batches in one page of a list")
    serve_batches(AnthropicBatchServer(arguments.parse_args()))
