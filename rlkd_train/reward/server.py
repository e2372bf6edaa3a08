"""`rlkd-train reward-server`: the structure reward over HTTP, so that a trainer in another process can call it.

    POST /score   {"completions": [text or messages, …], "problem_ids": [id or null, …], "prompts": [text, …]}
        -> {"scores": [number or null, …], "reasons": [why null, …], "winners": [trace id of the teacher, …],
            "components": [{"n_steps", "n_teacher", "gate_at", "format", "tag_count"}, …]}
    GET /health   {"status": "ok", "problems": how many are known, "usage": {…}}

One of `problem_ids` and `prompts` is enough: a problem's id is a hash of its text, so a prompt that is the problem
itself, or rlkd's student prompt about it, names it. A score that is null could not be computed: leave that completion
out of its group, do not give it a 0. An error is {"error": one line}: 400 no JSON, 401 no token, 403 a web page, 408 a
slow body, 413 too large, 422 JSON that does not fit, an unknown problem among them, 502 a model that refuses every
request.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import os
import signal
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from aiohttp import web

from rlkd_data.chat.types import Hopeless
from rlkd_data.errors import InputError
from rlkd_data.prompts import student_messages
from rlkd_data.run.progress import console
from rlkd_data.surrogates import encodable
from rlkd_train.annotators import check as check_annotators
from rlkd_train.config import RewardServerSettings
from rlkd_train.problems import load_teachers
from rlkd_train.reward.formats import format_score, tag_count
from rlkd_train.reward.scorer import Completion, Structure
from rlkd_train.reward.structure import StructureReward, text_of

_FIELDS = ("completions", "problem_ids", "prompts")


class BadRequest(Exception):
    """What was sent cannot be scored: an HTTP status and one line."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status


class RewardServer:
    """The application. `problems` are the problems' texts by id."""

    def __init__(
        self,
        reward: StructureReward,
        problems: dict[str, str],
        max_bytes: int,
        token: str | None = None,
        body_timeout: float = 60.0,
    ) -> None:
        self._reward, self._problems, self._token, self._body_timeout = reward, problems, token, body_timeout
        self._by_prompt = {_words(text): name for name, text in problems.items()}
        self._by_prompt |= {_words(student_messages(text)[0].content): name for name, text in problems.items()}
        self.app = web.Application(client_max_size=max_bytes, middlewares=[_errors_as_json])
        self.app.router.add_post("/score", self.score)
        self.app.router.add_get("/health", self.health)

    async def health(self, _: web.Request) -> web.Response:
        usage = {who: asdict(stats) for who, stats in self._reward.usage().items()}
        return web.json_response({"status": "ok", "problems": len(self._problems), "usage": usage})

    async def score(self, request: web.Request) -> web.Response:
        self._let_in(request)
        completions = self.completions(await _body(request, self._body_timeout))
        structures = await self._reward.score(completions)
        return web.json_response(
            {
                "scores": [one.score for one in structures],
                "reasons": [one.unscored for one in structures],
                "winners": [one.winner for one in structures],
                "components": [
                    _components(one.text, found) for one, found in zip(completions, structures, strict=True)
                ],
            }
        )

    def _let_in(self, request: web.Request) -> None:
        """No web page may ask, and nobody without the token. Raises BadRequest."""
        if "Origin" in request.headers:
            raise BadRequest(403, "requests of web pages are refused: ask from a program")
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode(errors="replace")
        if self._token is not None and not hmac.compare_digest(given, self._token.encode()):
            raise BadRequest(401, "the header 'Authorization: Bearer TOKEN' is missing or wrong")

    def completions(self, body: Any) -> list[Completion]:
        """What a request asks to score. Raises BadRequest."""
        if not isinstance(body, dict):
            raise BadRequest(422, "the body has to be a JSON object with completions and problem_ids")
        if unknown := sorted(set(body) - set(_FIELDS)):
            raise BadRequest(422, f"unknown field {unknown[0]!r}: there are {', '.join(_FIELDS)}")
        texts = body.get("completions")
        if not isinstance(texts, list):
            raise BadRequest(422, "completions has to be a list")
        for name in _FIELDS[1:]:
            given = body.get(name)
            if given is not None and not isinstance(given, list):
                raise BadRequest(422, f"{name} has to be a list")
            if given is not None and len(given) != len(texts):
                raise BadRequest(422, f"{name} has {len(given)} entries, completions {len(texts)}")
        names = body.get("problem_ids") or [None] * len(texts)
        prompts = body.get("prompts") or [None] * len(texts)
        return [
            self._completion(number, *given) for number, given in enumerate(zip(texts, names, prompts, strict=True))
        ]

    def _completion(self, number: int, text: Any, name: Any, prompt: Any) -> Completion:
        if not _is_completion(text):
            raise BadRequest(422, f"completions[{number}] is neither a text nor a list of messages with content")
        if name is None and prompt is None:
            raise BadRequest(422, f"completion {number} has neither a problem id nor a prompt")
        if name is None:
            if not _is_completion(prompt):
                raise BadRequest(422, f"prompts[{number}] is neither a text nor a list of messages with content")
            name = self._by_prompt.get(_words(text_of(prompt)))
            if name is None:
                raise BadRequest(422, f"prompts[{number}] is no problem of the decompositions: send problem_ids")
        if not isinstance(name, str) or name not in self._problems:
            raise BadRequest(422, f"unknown problem id {str(name)[:80]!r} (problem_ids[{number}])")
        return Completion(name, self._problems[name], encodable(text_of(text)))


def serve(settings: RewardServerSettings) -> None:
    """Serve until SIGINT or SIGTERM; requests in flight are then answered first. The address is printed once it can be
    used. Raises InputError for tables, models or an address that cannot be used."""
    token = _token(settings)
    teachers = load_teachers(settings.decompositions)
    if not teachers:
        raise InputError(f"no usable decompositions in {', '.join(map(str, settings.decompositions))}")
    check_annotators(teachers, settings.structure.gsrm, allowed=settings.structure.allow_other_annotator)
    problems = {name: found[0].problem for name, found in teachers.items()}
    with StructureReward(settings.structure, teachers) as reward:
        most = int(settings.max_megabytes * 2**20)
        server = RewardServer(reward, problems, most, token, settings.body_timeout)
        asyncio.run(_serve(server.app, settings))


def _token(settings: RewardServerSettings) -> str | None:
    """The token that requests must bring. Raises InputError where none is set for a server that others can reach."""
    if settings.token_env is not None:
        if not (token := os.environ.get(settings.token_env, "").strip()):
            raise InputError(f"token_env: {settings.token_env} is not set: put the token into it")
        return token
    if settings.host != "localhost" and not _is_loopback(settings.host):
        raise InputError(f"host {settings.host} can be reached by others: name a variable with a token (token_env)")
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _serve(app: web.Application, settings: RewardServerSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, stop.set)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=settings.shutdown_timeout)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, settings.host, settings.port).start()
        except OSError as problem:
            raise InputError(
                f"cannot listen on {settings.host}:{settings.port} ({problem.strerror}): "
                "choose another --port or --host"
            ) from None
        host, port = runner.addresses[0][:2]
        print(f"http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
        await stop.wait()
        console.print("stopping: requests in flight are answered first", markup=False)
    finally:
        await runner.cleanup()


@web.middleware
async def _errors_as_json(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
        return response
    except BadRequest as problem:
        return _error(problem.status, str(problem))
    except web.HTTPRequestEntityTooLarge:
        allowed = request.app._client_max_size
        return _error(413, f"the body is larger than the {allowed:,} bytes allowed: send fewer completions")
    except web.HTTPException as problem:
        return _error(problem.status, f"{problem.reason}: there are POST /score and GET /health")
    except Hopeless as problem:
        return _error(502, " ".join(str(problem).split()))
    except Exception as fault:
        return _error(500, f"fault in rlkd: {type(fault).__name__}: {' '.join(str(fault).split())}")


def _error(status: int, line: str) -> web.Response:
    return web.json_response({"error": line}, status=status)


async def _body(request: web.Request, seconds: float) -> Any:
    try:
        async with asyncio.timeout(seconds):
            raw = await request.read()
        return await asyncio.to_thread(json.loads, raw)  # millions of values take seconds
    except TimeoutError:
        raise BadRequest(408, f"the body did not arrive within {seconds:g} s") from None
    except (ValueError, RecursionError) as problem:
        raise BadRequest(400, f"the body is not JSON: {str(problem).splitlines()[0]}") from None


def _components(text: str, structure: Structure) -> dict[str, float | int | None]:
    alignment = structure.alignment
    return {
        "n_steps": len(structure.steps),
        "n_teacher": alignment.n_teacher if alignment else None,
        "gate_at": alignment.gate_at if alignment else None,
        "format": format_score(text),
        "tag_count": tag_count(text),
    }


def _is_completion(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(one, dict) and isinstance(one.get("content"), str) for one in value)
    )


def _words(text: str | Sequence[str]) -> str:
    return " ".join(str(text).split())
