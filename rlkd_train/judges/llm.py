"""The `llm` judge: a chat model says yes or no. Anything else is unscored, never "no"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rlkd_data.chat.client import Client
from rlkd_data.chat.types import Message, Reply, Request
from rlkd_data.prompts import render_template
from rlkd_data.schema import Sampling
from rlkd_train.judges.base import Pair, Verdict

PROMPT = "judge.j2"
_TOKENS = 4
"""Tokens that the word may take: some tokenizers split it."""
_FIRST_WORD = re.compile(r"[\s\"'*_`([]*(?P<word>[^\W\d_]+)")


def read_word(text: str) -> bool | None:
    """True for a reply whose first word is yes, False for no, None for everything else ("not", "know", "" …)."""
    found = _FIRST_WORD.match(text)
    word = found["word"].lower() if found else ""
    return True if word == "yes" else False if word == "no" else None


class LlmJudge:
    """Asks about each pair on its own, all of them at once; equal questions are asked once. A pair that got no answer
    is unscored with the reason."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        requests = ((number, self.request(pair)) for number, pair in enumerate(pairs))
        verdicts = [Verdict(None, "not asked")] * len(pairs)
        async for number, answer in self._client.ask_all(requests):
            if isinstance(answer, Reply):
                word = read_word(answer.text)
                verdicts[number] = Verdict(word, "llm" if word is not None else f"llm said {answer.text[:40]!r}")
            else:
                verdicts[number] = Verdict(None, f"llm: {answer.reason}")
        return verdicts

    @staticmethod
    def request(pair: Pair) -> Request:
        """The question about a pair: temperature 0, a few tokens."""
        text = render_template(PROMPT, part=pair.part, teacher=pair.teacher, student=pair.student, problem=pair.problem)
        return Request((Message("user", text),), Sampling(temperature=0.0, max_tokens=_TOKENS))

    async def close(self) -> None:
        await self._client.close()
