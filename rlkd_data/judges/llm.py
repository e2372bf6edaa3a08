"""The `llm` judge: a chat model says yes or no. Anything else is unscored, never "no"."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rlkd_data.chat.client import Client
from rlkd_data.chat.types import Failed, Hopeless, Message, Rejected, Reply, Request
from rlkd_data.errors import InputError
from rlkd_data.judges.base import Pair, Verdict
from rlkd_data.judges.thinking import ROOM, needs_room, spoken
from rlkd_data.prompts import render_template
from rlkd_data.run.together import together
from rlkd_data.schema import Sampling

PROMPT = "judge.j2"
_TOKENS = 4
"""Tokens that the word may take where it is read as text: some tokenizers split it."""
_TOP = 10
"""Likeliest tokens whose probabilities are asked for: room for `yes`, `Yes`, ` yes`, `YES` and the same of no."""
_FIRST_WORD = re.compile(r"[\s\"'*_`([]*(?P<word>[^\W\d_]+)")
_MARGINS = " \t\n\r\"'*_`([.,:;!)]Ġ▁Ċ"
"""What may stand around a token's word; the last three are how tokenizers write white space."""


def read_word(text: str) -> bool | None:
    """True for a reply whose first word is yes, False for no, None for everything else ("not", "know", "" …)."""
    found = _FIRST_WORD.match(text)
    word = found["word"].lower() if found else ""
    return True if word == "yes" else False if word == "no" else None


def probability(logprobs: Sequence[Mapping[str, Any]]) -> tuple[float, float] | None:
    """(P(yes) / (P(yes) + P(no)), P(yes) + P(no)) of the first token, from its likeliest alternatives in the form of
    the chat-completions protocol. None where there are none."""
    if not logprobs or not logprobs[0].get("top_logprobs"):
        return None
    mass = {"yes": 0.0, "no": 0.0}
    for one in logprobs[0]["top_logprobs"]:
        word = str(one.get("token") or "").strip(_MARGINS).lower()
        if word in mass and isinstance(one.get("logprob"), (int, float)):
            mass[word] += math.exp(one["logprob"])
    both = mass["yes"] + mass["no"]
    return (mass["yes"] / both, both) if both > 0 else (0.0, 0.0)


def read_reply(reply: Reply, least: float) -> Verdict:
    """The verdict of a reply: from the probability of yes against no where the server gave it, otherwise from the first
    word. Unscored where the model would rather have said something else than either."""
    found = probability(reply.logprobs)
    if found is not None and found[1] >= 0.5:
        return Verdict(found[0] >= least, f"llm {found[0]:.3f}", score=found[0])
    word = read_word(spoken(reply))
    return Verdict(word, "llm" if word is not None else f"llm said {reply.text[:40]!r}")


class LlmJudge:
    """Asks about each pair on its own, all of them at once; equal questions are asked once. A pair that got no answer
    is unscored with the reason.

    `least` is the probability of yes from which two texts match. One token is asked for, with its probabilities; of a
    backend or server that gives none, the first word.
    """

    whole = False

    def __init__(self, client: Client, least: float = 0.5) -> None:
        self._client, self._least = client, least
        self._logprobs = _gives_logprobs(client)
        self._thinks = False

    async def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        return await together(self._judge(pair) for pair in pairs)

    async def _judge(self, pair: Pair) -> Verdict:
        try:
            return read_reply(await self._ask(pair), self._least)
        except Hopeless:
            raise
        except Failed as failure:
            return Verdict(None, f"llm: {failure.reason}", failed=not isinstance(failure, Rejected))

    async def _ask(self, pair: Pair) -> Reply:
        if not self._thinks:
            reply = await self._ask_briefly(pair)
            if not needs_room(reply):
                return reply
            self._thinks = True
        return await self._client.ask(self.request(pair, room=ROOM))

    async def _ask_briefly(self, pair: Pair) -> Reply:
        if not self._logprobs:
            return await self._client.ask(self.request(pair))
        try:
            return await self._client.ask(self.request(pair, logprobs=True))
        except Rejected as refused:
            if refused.reason != "bad_request":
                raise
            # Some servers refuse to give probabilities; others refuse this request for what it is, and will again.
            reply = await self._client.ask(self.request(pair))
            self._logprobs = False
            return reply

    @staticmethod
    def request(pair: Pair, *, logprobs: bool = False, room: int = 0) -> Request:
        """The question about a pair, at temperature 0: one token with probabilities, or a few without; `room` tokens
        more for a judge that thinks."""
        text = render_template(PROMPT, part=pair.part, teacher=pair.teacher, student=pair.student)
        sampling = Sampling(temperature=0.0, max_tokens=1 if logprobs else _TOKENS + room)
        return Request((Message("user", text),), sampling, top_logprobs=_TOP if logprobs else None)

    async def close(self) -> None:
        await self._client.close()


def _gives_logprobs(client: Client) -> bool:
    """Whether the backend takes a request for probabilities at all."""
    try:
        client.backend.wire(LlmJudge.request(Pair("meta", "a", "b", "c"), logprobs=True))
    except InputError:
        return False
    return True
