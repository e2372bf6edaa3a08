"""A model server for tests: real HTTP in a process of its own, scripted replies, faults on demand, and a count of what
was asked. The two protocols (openai_server, anthropic_server) say how a reply and an error look."""

from __future__ import annotations

import argparse
import asyncio
import collections
import hashlib
import importlib
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

Answer = dict[str, Any]
"""What a script says: text, and where wanted reasoning and finish_reason (stop, length, refusal)."""

STATUS = {"429": 429, "500": 500, "529": 529, "401": 401, "403": 403, "404": 404, "400": 400, "413": 413, "quota": 429}
FAULTS = (*STATUS, "drop", "cut", "malformed", "hang")


class Protocol:
    """How one API looks."""

    path = ""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options

    def reply(self, body: dict[str, Any], answer: Answer) -> dict[str, Any]:
        raise NotImplementedError

    def error(self, kind: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        raise NotImplementedError


def default_answer(body: dict[str, Any]) -> Answer:
    """A reply that depends on the whole request and on nothing else."""
    number = int.from_bytes(hashlib.sha256(canonical(body).encode()).digest()[:2], "big")
    return {
        "text": f"Adding the parts gives {number}. The answer is \\boxed{{{number}}}.",
        "reasoning": f"I look at the parts first.\n\nThen I add them: {number}.",
    }


def canonical(body: dict[str, Any]) -> str:
    return json.dumps(body, sort_keys=True)


def prompt_text(body: dict[str, Any]) -> str:
    """All that the model is told, as one text."""
    return "\n".join(
        _text(content) for content in [body.get("system") or "", *(m["content"] for m in body["messages"])]
    )


def _text(content: Any) -> str:
    """A message's text, given as it is or in blocks."""
    return content if isinstance(content, str) else "".join(block["text"] for block in content)


class Script:
    """Replies by rule: the first rule whose `contains` is in the prompt, then a function, then the default."""

    def __init__(self, file: str | None, function: str | None) -> None:
        self._rules: list[dict[str, Any]] = json.loads(Path(file).read_text("utf-8")) if file else []
        self._function: Callable[[dict[str, Any]], Answer] = default_answer
        if function:
            module, _, name = function.partition(":")
            self._function = getattr(importlib.import_module(module), name)

    def answer(self, body: dict[str, Any]) -> Answer:
        prompt = prompt_text(body)
        for rule in self._rules:
            if rule["contains"] in prompt:
                return rule
        return self._function(body)


class FakeServer:
    def __init__(self, protocol: Protocol, options: argparse.Namespace) -> None:
        self.protocol, self.options = protocol, options
        self.script = Script(options.reply_file, options.reply_function)
        self.app = web.Application(client_max_size=1 << 28)
        self.app.router.add_post(protocol.path, self.ask)
        self.app.router.add_get("/stats", self.stats)
        self.app.router.add_post("/reset", self.reset)
        self.clear()

    def clear(self) -> None:
        self.total = self.answered = self.now = self.most_at_once = 0
        self.counts: collections.Counter[str] = collections.Counter()
        self.faults: collections.Counter[str] = collections.Counter()
        self.last: dict[str, Any] = {}
        self.random = random.Random(1)
        self.level, self.level_at = max(1.0, (self.options.rpm or 0) / 60), time.monotonic()
        self.began: list[float] = []

    async def stats(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "total": self.total,
                "answered": self.answered,
                "unique": len(self.counts),
                "repeated": self.total - len(self.counts),
                "in_flight": self.now,
                "most_at_once": self.most_at_once,
                "faults": dict(self.faults),
                "counts": dict(self.counts),
                "last": self.last,
                "began": self.began,
            }
        )

    async def reset(self, _: web.Request) -> web.Response:
        self.clear()
        return web.json_response({})

    async def ask(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        name = hashlib.sha256(canonical(body).encode()).hexdigest()
        self.total += 1
        self.counts[name] += 1
        self.began.append(time.monotonic())
        self.last = {"body": body, "authorised": any(h in request.headers for h in ("Authorization", "X-Api-Key"))}
        kind = self.fault(name)
        self.now += 1
        self.most_at_once = max(self.most_at_once, self.now)
        try:
            await asyncio.sleep(self.options.latency)
            if kind is not None:
                return await self.fail(kind, request, body)
            self.answered += 1
            answer = self.protocol.reply(body, self.script.answer(body))
            return web.json_response(answer, headers=dict(header.split(": ", 1) for header in self.options.header))
        finally:
            self.now -= 1

    def fault(self, name: str) -> str | None:
        """Which fault this request gets: `KIND` always, `KIND:N` every Nth request, `KIND:first` a body's first try,
        `KIND:P%` as often by chance; `429` to what is over a limit."""
        if self.over_limit():
            self.faults["429"] += 1
            return "429"
        for given in self.options.fault:
            kind, _, when = given.partition(":")
            if when.endswith("%"):
                due = self.random.random() < float(when[:-1]) / 100
            else:
                due = self.counts[name] == 1 if when == "first" else self.total % int(when) == 0 if when else True
            if due:
                self.faults[kind] += 1
                return kind
        return None

    def over_limit(self) -> bool:
        """Whether this request is one too many at once, or a minute (a bucket of one second's worth)."""
        if self.options.most_at_once is not None and self.now >= self.options.most_at_once:
            return True
        if self.options.rpm is None:
            return False
        now, rate = time.monotonic(), self.options.rpm / 60
        self.level = min(max(1.0, rate), self.level + (now - self.level_at) * rate)
        self.level_at = now
        if self.level < 1.0:
            return True
        self.level -= 1.0
        return False

    async def fail(self, kind: str, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if kind in ("drop", "cut"):
            self.answered += kind == "cut"  # the work was done, and only then the line went
            if request.transport is not None:  # the client may be gone already
                request.transport.close()
            return web.Response()
        if kind == "hang":
            await asyncio.sleep(3600)
        if kind == "malformed":
            return web.Response(text='{"choices": [{"mess', content_type="application/json")
        headers = {}
        if kind == "429" and self.options.retry_after:
            headers["Retry-After"] = self.options.retry_after
        key = request.headers.get("X-Api-Key") or request.headers.get("Authorization", "").removeprefix("Bearer ")
        return web.json_response(self.protocol.error(kind, body, key), status=STATUS[kind], headers=headers)


def usage_words(body: dict[str, Any], answer: Answer) -> tuple[int, int, int]:
    """Tokens, counted as words: of the prompt, of the text, of the reasoning."""
    return (
        len(prompt_text(body).split()),
        len(answer["text"].split()),
        len((answer.get("reasoning") or "").split()),
    )


def parser(description: str) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--port", type=int, default=0)
    made.add_argument("--latency", type=float, default=0.0, help="seconds before every reply")
    made.add_argument("--reply-file", help='JSON: [{"contains": …, "text": …, "reasoning": …, "finish_reason": …}]')
    made.add_argument("--reply-function", help="module:function from a request's body to a reply")
    made.add_argument("--fault", action="append", default=[], help=f"KIND, KIND:N or KIND:first; of {FAULTS}")
    made.add_argument("--header", action="append", default=[], help="'NAME: VALUE', with every reply")
    made.add_argument("--most-at-once", type=int, help="answer 429 to what is over this many in flight")
    made.add_argument("--rpm", type=float, help="answer 429 to what is over this many a minute")
    made.add_argument("--retry-after", help="the header of a 429: seconds, or a date")
    return made


def serve(protocol: Protocol, options: argparse.Namespace, server: type[FakeServer] = FakeServer) -> None:
    """Serve until killed; the first line of standard output is the port."""

    async def run() -> None:
        runner = web.AppRunner(server(protocol, options).app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", options.port)
        await site.start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()

    asyncio.run(run())
