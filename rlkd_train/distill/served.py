"""A teacher on a server: TRL's trainer for one, with a client that needs no vLLM in this environment.

The server is vLLM's, whose `/v1/completions` says with `prompt_logprobs` how likely it finds each token of a prompt.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import httpx
import stamina
from trl import DistillationTrainer
from trl.experimental.server_distillation import ServerDistillationTrainer

from rlkd_data.errors import ModelError
from rlkd_train.distill.trainer import Ordered

_TRIES, _TIMEOUT = 8, 600.0


class ServedTrainer(Ordered, ServerDistillationTrainer):  # type: ignore[misc]
    """TRL's, whose own client is not opened. The loss is at the temperature 1, whatever the completions are drawn at: a
    server's `prompt_logprobs` are of the logits as they are (`temperature` is for what it draws itself), so a student's
    at another temperature would not be compared with them but with the sharpening."""

    def __init__(self, *, args: Any, teacher: ServedTeacher, **more: Any) -> None:
        DistillationTrainer.__init__(self, teacher_model=None, args=args, **more)
        self.reverse_kl_top_1_mode = args.reverse_kl_top_1_mode
        self.loss_top_k, self.loss_add_tail = args.loss_top_k, args.loss_add_tail
        self.teacher_client = teacher
        self.temperature = 1.0


class ServedTeacher:
    """What TRL's trainer asks of its client. Raises ModelError, in one line, where the server refuses, or does not
    answer for minutes."""

    def __init__(self, url: str, model: str, size: int) -> None:
        """`size`: tokens of the student. What a teacher has beyond them is padding (`teacher.load_teacher`)."""
        self._size = size
        self._url, self._model = f"{url.rstrip('/').removesuffix('/v1')}/v1/completions", model
        key = os.environ.get("OPENAI_API_KEY")
        self._client = httpx.Client(timeout=_TIMEOUT, headers={"Authorization": f"Bearer {key}"} if key else {})

    def get_sequence_logprobs(
        self, sequences: Sequence[Sequence[int]], prompt_lengths: Sequence[int], top_logprobs: int, temperature: float
    ) -> dict[str, list[list[Any]]]:
        """Of each sequence's tokens from its prompt's end on: the likeliest tokens and their log-probabilities,
        (sequences, tokens, top_logprobs), and the log-probability of the one that stands there, (…, 1)."""
        choices = self._post(
            {
                "model": self._model,
                "prompt": [list(one) for one in sequences],
                "max_tokens": 1,
                "temperature": temperature,
                "prompt_logprobs": top_logprobs,
            }
        )
        if len(choices) != len(sequences):
            raise self._wrong(f"{len(choices)} replies to {len(sequences)} sequences")
        found: dict[str, list[list[Any]]] = {"logprobs": [], "logprob_token_ids": [], "actual_logprobs": []}
        for choice, sequence, start in zip(choices, sequences, prompt_lengths, strict=True):
            places = choice.get("prompt_logprobs")
            if not isinstance(places, list) or len(places) < len(sequence):
                raise self._wrong("no prompt_logprobs: it has to be vLLM's, which says them")
            top: list[list[float]] = []
            ids: list[list[int]] = []
            actual: list[list[float]] = []
            for place in range(start, len(sequence)):
                values, tokens, own = self._place(places[place] or {}, sequence[place], top_logprobs)
                top.append(values)
                ids.append(tokens)
                actual.append([own])
            found["logprobs"].append(top)
            found["logprob_token_ids"].append(ids)
            found["actual_logprobs"].append(actual)
        return found

    def _place(self, told: dict[str, Any], token: int, count: int) -> tuple[list[float], list[int], float]:
        """The likeliest tokens' log-probabilities, padded to `count`, their ids, and that of the one that is there."""
        known = [(int(name), one) for name, one in told.items() if int(name) < self._size]
        items = sorted(known, key=lambda one: one[1]["rank"])[:count]
        values = [_number(one["logprob"]) for _, one in items]
        missing = count - len(items)
        own = told.get(str(token))
        ids = [name for name, _ in items] + [0] * missing
        return values + [-math.inf] * missing, ids, _number(own["logprob"]) if own else -math.inf

    def _post(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            for attempt in stamina.retry_context(on=_may_pass, attempts=_TRIES, timeout=_TIMEOUT, wait_max=60.0):
                with attempt:
                    response = self._client.post(self._url, json=body).raise_for_status()
            found = response.json()["choices"]
        except httpx.HTTPStatusError as problem:
            said = " ".join(problem.response.text.split())[:300]
            raise self._wrong(f"status {problem.response.status_code}: {said}") from None
        except httpx.HTTPError as problem:
            raise self._wrong(f"{type(problem).__name__}: {problem}") from None
        except (ValueError, KeyError, TypeError):
            raise self._wrong("a reply that is no completion") from None
        return list(found)

    def _wrong(self, said: str) -> ModelError:
        return ModelError(f"the teacher's server ({self._url}) gave {said}")

    def close(self) -> None:
        self._client.close()


def _may_pass(problem: Exception) -> bool:
    if isinstance(problem, httpx.HTTPStatusError):
        return problem.response.status_code in (408, 429) or problem.response.status_code >= 500
    return isinstance(problem, httpx.TransportError)


def _number(value: float | None) -> float:
    return -math.inf if value is None or math.isnan(value) else value
