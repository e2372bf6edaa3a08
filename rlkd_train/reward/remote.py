"""The reward server as a reward function: for a trainer in another process, or one that pickles its rewards.

    reward = RemoteReward("http://127.0.0.1:8900")
    AsyncGRPOTrainer(model, reward_funcs=reward, …)          # a dataset with the columns `prompt` and `problem_id`

Needs the standard library alone, and holds no connection, so that it can be sent to any process.
"""

from __future__ import annotations

import http.client
import json
import math
import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

from rlkd_data.errors import InputError

SERVER = "RLKD_REWARD_URL"
"""The variable that says where the server is, where nothing else does."""
_AGAIN = (408, 429, 503, 504)
"""What a server says that is stopping or busy, or whatever stands before it."""
_FIRST, _LONGEST = 0.5, 15.0
"""Seconds before the first try again, and between two at most."""


class RemoteReward:
    """Asks `rlkd-train reward-server` at `url` (default: the variable RLKD_REWARD_URL). `token_env` names the variable
    that holds its token; `seconds` is how long a batch may take, `outage` how long a server that cannot be reached, or
    is stopping, is waited for: what it has asked for already is in its store."""

    __name__ = "structure"  # TRL logs a reward under its function's name

    def __init__(
        self, url: str | None = None, token_env: str | None = None, seconds: float = 900.0, outage: float = 120.0
    ) -> None:
        found = url or os.environ.get(SERVER)
        if not found:
            raise InputError(f"no reward server: give its address, or set {SERVER}")
        if not found.startswith(("http://", "https://")):
            raise InputError(f"the reward server's address is {found!r}: write it as http://HOST:PORT")
        self.url, self.token_env, self.seconds, self.outage = found.rstrip("/"), token_env, seconds, outage

    def __call__(self, completions: Sequence[Any], problem_id: Sequence[str], **more: Any) -> list[float | None]:
        """TRL's signature. None where a completion could not be scored: leave it out, do not give it a 0."""
        scores, reasons = self.score(completions, problem_id)
        if log_extra := more.get("log_extra"):
            log_extra("unscored", reasons)
        return scores

    def score(
        self, completions: Sequence[Any], problem_ids: Sequence[str]
    ) -> tuple[list[float | None], list[str | None]]:
        """(scores, reasons for none), in order. Raises InputError with the server's own line where it refuses, where
        nobody answers, and where what answers is no reward server."""
        if not completions:
            return [], []
        body = json.dumps({"completions": list(completions), "problem_ids": list(problem_ids)}).encode()
        until, wait = time.monotonic() + self.outage, _FIRST
        while True:
            found, problem = self._once(body)
            if problem is None:
                return self._read(found, len(completions))
            if time.monotonic() + wait > until:
                raise InputError(problem)
            time.sleep(wait)
            wait = min(2 * wait, _LONGEST)

    def _once(self, body: bytes) -> tuple[Any, str | None]:
        """(a reply, or what stood in its way and may pass)."""
        request = urllib.request.Request(f"{self.url}/score", body, {"Content-Type": "application/json"})
        if self.token_env is not None:
            request.add_header("Authorization", f"Bearer {os.environ.get(self.token_env, '')}")
        try:
            with urllib.request.urlopen(request, timeout=self.seconds) as response:
                text = response.read()
        except urllib.error.HTTPError as refused:
            told = f"the reward server refuses: {_line(refused)}"
            if refused.code not in _AGAIN:
                raise InputError(told) from None
            return None, told
        except TimeoutError:
            raise InputError(f"the reward server at {self.url} took more than {self.seconds:g} s for a batch") from None
        except (OSError, http.client.HTTPException) as problem:  # gone, or gone in the middle of its reply
            return None, f"no reward server answers at {self.url}: {problem or type(problem).__name__}"
        try:
            return json.loads(text), None
        except ValueError:
            raise self._garbage(text) from None

    def _read(self, found: Any, count: int) -> tuple[list[float | None], list[str | None]]:
        """A reply's scores and reasons, one for each of `count` completions; NaN and text are no scores."""
        scores, reasons = (found.get(name) if isinstance(found, dict) else None for name in ("scores", "reasons"))
        if not (isinstance(scores, list) and isinstance(reasons, list) and len(scores) == len(reasons) == count):
            raise self._garbage(json.dumps(found).encode())
        if not all(one is None or (_is_number(one) and math.isfinite(one)) for one in scores):
            raise self._garbage(json.dumps(scores).encode())
        return scores, reasons

    def _garbage(self, said: bytes) -> InputError:
        shown = " ".join(said[:200].decode("utf-8", "replace").split())
        return InputError(f"what answers at {self.url} is no reward server of rlkd: {shown[:120]!r}")

    def filled(self, completions: Sequence[Any], problem_ids: Sequence[str]) -> list[float]:
        """For trainers that want a number from everybody: a completion without a score gets the mean of those of its
        problem, which gives it (almost) no advantage; 0 where none of them has one, which gives nobody any."""
        scores, _ = self.score(completions, problem_ids)
        known: dict[str, list[float]] = {}
        for name, score in zip(problem_ids, scores, strict=True):
            if score is not None:
                known.setdefault(name, []).append(score)
        means = {name: sum(found) / len(found) for name, found in known.items()}
        return [
            means.get(name, 0.0) if score is None else score for name, score in zip(problem_ids, scores, strict=True)
        ]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _line(refused: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(refused)["error"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return f"{refused.code} {refused.reason}"
