"""The reward's two models for a benchmark: real HTTP in a process of its own; decompositions from a prepared table,
verdicts by rule, each with its own latency; calls and tokens are counted."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from rlkd_data.structure.render import render
from tests.support.fake_server import Answer, FakeServer, parser, serve, usage_words
from tests.support.openai_server import OpenAI
from tests.support.reward_cases import CODE, cases


class PricedServer(FakeServer):
    def __init__(self, protocol: Any, options: Any) -> None:
        self.table = {}
        for case in cases(options.wordings, options.words, options.teacher_words):
            self.table[case.reasoning] = render(case.steps)
            self.table[case.teacher_reasoning] = render(case.teacher_steps)
        super().__init__(protocol, options)

    def clear(self) -> None:
        super().clear()
        self.calls = {"decompose": 0, "judge": 0}
        self.tokens = {"decompose": 0, "judge": 0}

    async def stats(self, _: web.Request) -> web.Response:
        return web.json_response({"calls": self.calls, "tokens": self.tokens, "most_at_once": self.most_at_once})

    async def ask(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        kind, answer = self.decide(body)
        prompt, text, _ = usage_words(body, answer)
        self.calls[kind] += 1
        self.tokens[kind] += prompt + text
        self.now += 1
        self.most_at_once = max(self.most_at_once, self.now)
        try:
            await asyncio.sleep(self.options.decompose if kind == "decompose" else self.options.judge)
            return web.json_response(self.protocol.reply(body, answer))
        finally:
            self.now -= 1

    def decide(self, body: dict[str, Any]) -> tuple[str, Answer]:
        last = body["messages"][-1]["content"]
        _, marker, reasoning = last.partition("Reasoning:\n")
        if marker and reasoning.strip() in self.table:
            return "decompose", {"text": self.table[reasoning.strip()]}
        codes = CODE.findall(last)
        assert codes and len(codes) % 2 == 0, f"neither a known trace nor pairs of parts: {last[:300]}"
        matches = [first == second for first, second in zip(codes[::2], codes[1::2], strict=True)]
        words = ["yes" if match else "no" for match in matches]
        if "response_format" not in body:
            return "judge", {"text": words[0]}
        return "judge", {"text": json.dumps({str(number): word for number, word in enumerate(words, 1)})}


if __name__ == "__main__":
    arguments = parser(__doc__ or "")
    arguments.add_argument("--reasoning", default="none")
    arguments.add_argument("--decompose", type=float, default=1.5, help="seconds of a decomposition")
    arguments.add_argument("--judge", type=float, default=0.05, help="seconds of a verdict")
    arguments.add_argument("--wordings", type=int, default=4)
    arguments.add_argument("--words", type=int, default=300)
    arguments.add_argument("--teacher-words", type=int, default=300)
    options = arguments.parse_args()
    serve(OpenAI(options), options, PricedServer)
