"""Stand-ins for the two models that a structure score asks, so that the score alone is tested."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from rlkd_data.chat.types import Failed, Reply, Request, Retryable
from rlkd_data.errors import InputError
from rlkd_data.judges.base import Pair, Verdict
from rlkd_data.schema import Decomposition, Step, Usage


def reply(text: str, finish_reason: Any = "stop") -> Reply:
    return Reply(text, None, finish_reason, Usage(), "fake", datetime.now(UTC))


class FakeBackend:
    """A backend with or without probabilities and schemas."""

    def __init__(self, plain: bool) -> None:
        self._plain = plain

    def wire(self, request: Request) -> dict[str, Any]:
        if self._plain and (request.top_logprobs is not None or request.schema_json is not None):
            raise InputError("it gives neither")
        return {}


class FakeClient:
    """Answers by a function of the last message; counts what it was asked. None: the request fails."""

    def __init__(self, answer: Callable[[str], str | Reply | Failed | None], plain: bool = True) -> None:
        self._answer = answer
        self.asked: list[str] = []
        self.requests: list[Request] = []
        self.backend = FakeBackend(plain)

    async def ask(self, request: Request) -> Reply:
        self.asked.append(request.messages[-1].content)
        self.requests.append(request)
        await asyncio.sleep(0)
        found = self._answer(request.messages[-1].content)
        if found is None:
            raise Retryable("down", reason="server_error")
        if isinstance(found, Failed):
            raise found
        return found if isinstance(found, Reply) else reply(found)

    async def close(self) -> None: ...


class WordJudge:
    """Texts match where their first letters do; "?" is unscored. `rounds` are the pairs of each call."""

    whole = False

    def __init__(self) -> None:
        self.rounds: list[list[Pair]] = []

    async def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        self.rounds.append(list(pairs))
        return [
            Verdict(None, "down") if "?" in pair.student else Verdict(pair.teacher[0] == pair.student[0], "word")
            for pair in pairs
        ]

    async def close(self) -> None: ...


def decomposition(trace_id: str, problem_id: str, steps: Sequence[str]) -> Decomposition:
    """A teacher's decomposition; a step is three letters: meta, sub-problem, answer."""
    return Decomposition(
        trace_id=trace_id,
        problem_id=problem_id,
        problem="p",
        domain="math",
        answer="1",
        annotator="a",
        prompt_id="i",
        steps=tuple(Step(number, *letters) for number, letters in enumerate(steps, 1)),
        final_answer=None,
        status="ok",
        issues=(),
        raw="",
        usage=None,
        cost_usd=None,
        created_at=datetime.now(UTC),
    )
