"""The reward server as a reward function: for a trainer in another process, or one that pickles its rewards.

    reward = RemoteReward("http://127.0.0.1:8900")
    AsyncGRPOTrainer(model, reward_funcs=reward, …)          # a dataset with the columns `prompt` and `problem_id`

Needs the standard library alone, and holds no connection, so that it can be sent to any process.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

from rlkd_data.errors import InputError

SERVER = "RLKD_REWARD_URL"
"""The variable that says where the server is, where nothing else does."""


class RemoteReward:
    """Asks `rlkd-train reward-server` at `url` (default: the variable RLKD_REWARD_URL). `token_env` names the variable
    that holds its token; `seconds` is how long a batch may take."""

    __name__ = "structure"  # TRL logs a reward under its function's name

    def __init__(self, url: str | None = None, token_env: str | None = None, seconds: float = 900.0) -> None:
        found = url or os.environ.get(SERVER)
        if not found:
            raise InputError(f"no reward server: give its address, or set {SERVER}")
        self.url, self.token_env, self.seconds = found.rstrip("/"), token_env, seconds

    def __call__(self, completions: Sequence[Any], problem_id: Sequence[str], **more: Any) -> list[float | None]:
        """TRL's signature. None where a completion could not be scored: leave it out, do not give it a 0."""
        scores, reasons = self.score(completions, problem_id)
        if log_extra := more.get("log_extra"):
            log_extra("unscored", reasons)
        return scores

    def score(
        self, completions: Sequence[Any], problem_ids: Sequence[str]
    ) -> tuple[list[float | None], list[str | None]]:
        """(scores, reasons for none), in order. Raises InputError with the server's own line where it refuses, and
        where nobody answers."""
        body = json.dumps({"completions": list(completions), "problem_ids": list(problem_ids)}).encode()
        request = urllib.request.Request(f"{self.url}/score", body, {"Content-Type": "application/json"})
        if self.token_env is not None:
            request.add_header("Authorization", f"Bearer {os.environ.get(self.token_env, '')}")
        try:
            with urllib.request.urlopen(request, timeout=self.seconds) as response:
                found = json.load(response)
        except urllib.error.HTTPError as refused:
            raise InputError(f"the reward server refuses: {_line(refused)}") from None
        except (OSError, ValueError) as problem:
            raise InputError(f"no reward server answers at {self.url}: {problem}") from None
        return found["scores"], found["reasons"]

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


def _line(refused: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(refused)["error"])
    except (ValueError, KeyError, TypeError):
        return f"{refused.code} {refused.reason}"
