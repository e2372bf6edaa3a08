"""Files and batches as OpenAI serves them, for tests: `python -m tests.support.openai_batch_server` prints its port."""

from __future__ import annotations

import argparse
import json
from typing import Any

from aiohttp import web

from tests.support.batch_server import Batch, BatchServer, batch_parser, lines, serve_batches
from tests.support.openai_server import OpenAI

_STATES = ("validating", "in_progress", "finalizing")


class OpenAIBatchServer(BatchServer):
    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(OpenAI(options), options)
        self.app.router.add_post("/v1/files", self.upload)
        self.app.router.add_get("/v1/files/{id}/content", self.content)
        self.app.router.add_post("/v1/batches", self.create)
        self.app.router.add_get("/v1/batches", self.list)
        self.app.router.add_get("/v1/batches/{id}", self.retrieve)
        self.app.router.add_post("/v1/batches/{id}/cancel", self.cancel)

    def clear(self) -> None:
        super().clear()
        self.files: dict[str, bytes] = {}

    async def upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        part = form["file"]
        assert form["purpose"] == "batch" and isinstance(part, web.FileField)
        name, data = f"file-{len(self.files)}", part.file.read()
        self.files[name] = data
        return web.json_response(
            {
                "id": name,
                "object": "file",
                "bytes": len(data),
                "created_at": 1,
                "filename": part.filename,
                "purpose": "batch",
                "status": "processed",
            }
        )

    async def create(self, request: web.Request) -> web.Response:
        body = await request.json()
        fault = self.create_fault()
        if fault in ("429", "500", "400"):
            return web.json_response({"error": {"message": f"fault {fault}"}}, status=int(fault))
        if body["input_file_id"] not in self.files:
            return web.json_response({"error": {"message": "no such file"}}, status=400)
        assert body["endpoint"] == "/v1/chat/completions" and body["completion_window"] == "24h"
        requests = [json.loads(line) for line in self.files[body["input_file_id"]].splitlines()]
        for item in requests:
            assert item["method"] == "POST" and item["url"] == body["endpoint"], item
        batch = self.make(requests, "body", file=body["input_file_id"], metadata=body.get("metadata"))
        if fault == "acted":
            return web.json_response({"error": {"message": "we acted, and fell over"}}, status=500)
        return web.json_response(self.shown(batch))

    async def list(self, request: web.Request) -> web.Response:
        newest = list(reversed(self.batches.values()))
        if after := request.query.get("after"):
            newest = newest[[b.id for b in newest].index(after) + 1 :]
        limit = int(request.query.get("limit", 20))
        assert 1 <= limit <= 100
        page = newest[: min(limit, self.options.page)]
        self.listed.set()
        return web.json_response(
            {"object": "list", "data": [self.shown(b) for b in page], "has_more": len(newest) > len(page)}
        )

    async def retrieve(self, request: web.Request) -> web.Response:
        batch = self.batches.get(request.match_info["id"])
        if batch is None:
            return web.json_response({"error": {"message": "No such batch"}}, status=404)
        batch.looks += 1
        return web.json_response(self.shown(batch))

    async def cancel(self, request: web.Request) -> web.Response:
        batch = self.batches[request.match_info["id"]]
        batch.cancelled = True
        return web.json_response(self.shown(batch))

    async def content(self, request: web.Request) -> web.Response:
        return web.Response(body=self.files[request.match_info["id"]])

    def shown(self, batch: Batch) -> dict[str, Any]:
        ended = self.ended(batch) and not batch.refused
        if batch.refused:
            status = "failed"
        elif ended:
            status = "cancelled" if batch.cancelled else "expired" if "expired" in batch.fates else "completed"
        else:
            status = _STATES[min(batch.looks, len(_STATES) - 1)]
        good = [pair for pair in self.shuffled(batch) if pair[1] == "ok"] if ended else []
        bad = [pair for pair in self.shuffled(batch) if pair[1] != "ok"] if ended else []
        refused = {"code": batch.refused, "message": f"refused: {batch.refused}", "line": None, "param": None}
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "input_file_id": batch.more["file"],
            "completion_window": "24h",
            "status": status,
            "created_at": int(batch.created.timestamp()),
            "metadata": batch.more["metadata"] if self.options.metadata == "kept" else None,
            "errors": {"object": "list", "data": [refused]} if batch.refused else None,
            "request_counts": {
                "total": len(batch.requests),
                "completed": batch.fates.count("ok") if ended else 0,
                "failed": len(bad),
            },
            "output_file_id": self._file(batch, "output", good),
            "error_file_id": self._file(batch, "error", bad),
        }

    def _file(self, batch: Batch, kind: str, pairs: list[tuple[dict[str, Any], str]]) -> str | None:
        if not pairs:
            return None
        name = f"file-{batch.id}-{kind}"
        self.files[name] = lines([self._result(request, fate) for request, fate in pairs])
        return name

    def _result(self, request: dict[str, Any], fate: str) -> dict[str, Any]:
        body, error, status = None, None, 200
        if fate in ("expired", "canceled"):
            code = "batch_expired" if fate == "expired" else "batch_cancelled"
            error = {"code": code, "message": "This request could not be executed before the window ended."}
        elif fate == "ok":
            body = self.protocol.reply(request["body"], self.script.answer(request["body"]))
        else:
            status, body = int(fate), self.protocol.error(fate, request["body"], "")
        response = None if body is None else {"status_code": status, "request_id": "req_1", "body": body}
        return {"id": "batch_req_1", "custom_id": request["custom_id"], "response": response, "error": error}


if __name__ == "__main__":
    arguments = batch_parser(__doc__ or "")
    arguments.add_argument("--reasoning", default="reasoning_content")
    arguments.add_argument("--metadata", choices=["kept", "dropped"], default="kept")
    arguments.add_argument("--page", type=int, default=100, help="most batches in one page of a list")
    serve_batches(OpenAIBatchServer(arguments.parse_args()))
