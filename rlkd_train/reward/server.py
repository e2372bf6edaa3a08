"""`rlkd-train reward-server`: the structure reward over HTTP, so that a trainer in another process can call it.

    POST /score   {"completions": [text or messages, …], "problem_ids": [id or null, …], "prompts": [text, …]}
        -> {"scores": [number or null, …], "reasons": [why null, …], "winners": [trace id of the teacher, …],
            "components": [{"n_steps", "n_teacher", "gate_at", "format", "tag_count"}, …]}
    GET /health   {"status": "ok", "problems": how many are known, "usage": {…}}

One of `problem_ids` and `prompts` is enough: a problem's id is a hash of its text, so a prompt that is the problem
itself, or rlkd's student prompt about it, names it. A score that is null could not be computed: leave that completion
out of its group, do not give it a 0. An error is {"error": one line}: 400 no JSON, 401 no token, 403 a web page, 408 a
slow body, 413 too large, 422 JSON that does not fit, an unknown problem among them, 502 a model that refuses every
request, 503 a server that is stopping.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from aiohttp import web

from rlkd_data.chat.types import Hopeless
from rlkd_data.errors import InputError
from rlkd_data.prompts import student_messages
from rlkd_data.run.interrupt import TERMINATED
from rlkd_data.surrogates import encodable
from rlkd_train.annotators import check as check_annotators
from rlkd_train.config import RewardServerSettings
from rlkd_train.problems import load_teachers
from rlkd_train.reward.asked import Asked, BadRequest
from rlkd_train.reward.door import let_in, token_of
from rlkd_train.reward.formats import format_score, tag_count
from rlkd_train.reward.reading import Reader
from rlkd_train.reward.scorer import Completion, Structure
from rlkd_train.reward.serving import Serving
from rlkd_train.reward.structure import StructureReward
from rlkd_train.served import scoring_apart


class RewardServer:
    """The application. `problems` are the problems' texts by id."""

    def __init__(
        self, reward: StructureReward, problems: dict[str, str], settings: RewardServerSettings, token: str | None
    ) -> None:
        self._reward, self._problems, self._token = reward, problems, token
        self._seconds = settings.body_timeout
        self._by_prompt = {_words(text): name for name, text in problems.items()}
        self._by_prompt |= {_words(student_messages(text)[0].content): name for name, text in problems.items()}
        most = int(settings.max_megabytes * 2**20)
        self.reader = Reader(most, settings.body_timeout, settings.max_completions)
        self.app = web.Application(client_max_size=most, middlewares=[_errors_as_json])
        self.app.router.add_post("/score", self.score)
        self.app.router.add_get("/health", self.health)

    async def health(self, request: web.Request) -> web.Response:
        let_in(request.headers, self._token, knock=True)
        usage = {who: asdict(stats) for who, stats in self._reward.usage().items()}
        return web.json_response({"status": "ok", "problems": len(self._problems), "usage": usage})

    async def score(self, request: web.Request) -> web.StreamResponse:
        let_in(request.headers, self._token)
        completions = self.completions(await self.reader.read(request))
        structures = await self._reward.score(completions)
        response = web.json_response(
            {
                "scores": [one.score for one in structures],
                "reasons": [one.unscored for one in structures],
                "winners": [one.winner for one in structures],
                "components": [
                    _components(one.text, found) for one, found in zip(completions, structures, strict=True)
                ],
            }
        )
        return await self._given(request, response)

    async def _given(self, request: web.Request, response: web.Response) -> web.Response:
        """A response that its client has taken; one that takes it too slowly loses the connection."""
        try:
            async with asyncio.timeout(self._seconds):
                await response.prepare(request)
                await response.write_eof()
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
        return response

    def completions(self, asked: Sequence[Asked]) -> list[Completion]:
        """What a request asks to score. Raises BadRequest."""
        return [self._completion(number, one) for number, one in enumerate(asked)]

    def _completion(self, number: int, one: Asked) -> Completion:
        name = one.problem_id
        if name is None:
            name = self._by_prompt.get(_words(one.prompt or ""))
            if name is None:
                raise BadRequest(422, f"prompts[{number}] is no problem of the decompositions: send problem_ids")
        if name not in self._problems:
            raise BadRequest(422, f"unknown problem id {encodable(name[:80])!r} (problem_ids[{number}])")
        return Completion(name, self._problems[name], encodable(one.text))


def serve(settings: RewardServerSettings) -> None:
    """Serve until SIGINT or SIGTERM; requests in flight are then answered first. The address is printed once it can be
    used. Raises InputError for tables, models or an address that cannot be used."""
    token = token_of(settings)
    teachers = load_teachers(settings.decompositions)
    if not teachers:
        raise InputError(f"no usable decompositions in {', '.join(map(str, settings.decompositions))}")
    check_annotators(teachers, settings.structure.gsrm, allowed=settings.structure.allow_other_annotator)
    problems = {name: found[0].problem for name, found in teachers.items()}
    serving = Serving(settings)
    with StructureReward(scoring_apart(settings.structure, None), teachers) as reward:
        answered = asyncio.run(_serve(serving, RewardServer(reward, problems, settings, token)))
    if not answered:
        sys.exit(TERMINATED)


async def _serve(serving: Serving, server: RewardServer) -> bool:
    return await serving.until_stopped(server.app, server.reader.stop)


@web.middleware
async def _errors_as_json(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
        return response
    except BadRequest as problem:
        return _error(problem.status, str(problem))
    except web.HTTPException as problem:
        return _error(problem.status, f"{problem.reason}: there are POST /score and GET /health")
    except Hopeless as problem:
        return _error(502, " ".join(str(problem).split()))
    except ConnectionError:
        raise  # the client has left
    except Exception as fault:
        return _error(500, f"fault in rlkd: {type(fault).__name__}: {' '.join(str(fault).split())}")


def _error(status: int, line: str) -> web.Response:
    return web.json_response({"error": line}, status=status)


def _components(text: str, structure: Structure) -> dict[str, float | int | None]:
    alignment = structure.alignment
    return {
        "n_steps": len(structure.steps),
        "n_teacher": alignment.n_teacher if alignment else None,
        "gate_at": alignment.gate_at if alignment else None,
        "format": format_score(text),
        "tag_count": tag_count(text),
    }


def _words(text: str) -> str:
    return " ".join(text.split())
