"""The reference's call pattern with our questions: what differs from ours is what is asked again, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from rlkd_data.chat.types import Reply
from rlkd_data.judges.base import Pair, Verdict
from rlkd_data.judges.equal import EqualFirst
from rlkd_data.judges.found import FoundFirst
from rlkd_data.judges.llm import LlmJudge, read_reply, read_word
from rlkd_data.schema import Step, Usage
from rlkd_data.structure.names import PartName
from rlkd_train.reward.event_loop import EventLoop
from rlkd_train.reward.scorer import whole_steps
from tests.support.reference_pattern import ReferencePattern

UNREAD = "no word"


class _Unequal:
    """What is behind all that is free: nothing."""

    whole = False

    async def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        return [Verdict(False, "unequal", free=True)] * len(pairs)

    async def close(self) -> None: ...


class SameQuestions(ReferencePattern):
    """`decomposed`: replies of the GSRM by (problem, reasoning), instead of asking it. `same_reading`: what is free in
    ours is decided without the judge here too, and the judge's probabilities are read as ours are; without it, the
    judge decides everything, by the first word of its reply."""

    def __init__(
        self,
        gsrm_url: str,
        judge_url: str,
        gsrm: str,
        judge: str,
        max_tokens: int,
        *,
        decomposed: Mapping[tuple[str, str], str] | None = None,
        same_reading: bool = False,
    ) -> None:
        super().__init__(gsrm_url, judge_url, gsrm, judge, max_tokens)
        self._decomposed = decomposed
        self._free = EqualFirst(FoundFirst(_Unequal())) if same_reading else None
        self._loop = EventLoop()

    def close(self) -> None:
        super().close()
        if self._free is not None:
            self._loop.run(self._free.close())
        self._loop.close()

    def _decompose(self, problem: str, reasoning: str) -> tuple[Step, ...]:
        if not reasoning:
            return ()  # as ours: nothing to decompose
        if self._decomposed is None:
            return super()._decompose(problem, reasoning)
        return self._steps(self._decomposed[problem, reasoning])

    def _steps(self, text: str) -> tuple[Step, ...]:
        steps = whole_steps(_reply(text))
        if isinstance(steps, str):
            raise ValueError(steps)
        return steps

    def _same(self, part: PartName, problem: str, first: str, second: str) -> Verdict:
        pair = Pair(part, first, second, problem)
        asked = [{"role": "user", "content": LlmJudge.request(pair).messages[0].content}]
        if self._free is None:
            word = read_word(self._ask(self._judge_client, self._judge, asked, 1))
            return Verdict(word, UNREAD if word is None else "judge")
        (free,) = self._loop.run(self._free.judge([pair]))
        if free.how != "unequal":
            return free
        request = LlmJudge.request(pair, logprobs=True)
        made = self._judge_client.chat.completions.create(
            model=self._judge,
            messages=asked,  # type: ignore[arg-type]
            temperature=0.0,
            max_tokens=request.sampling.max_tokens,
            logprobs=True,
            top_logprobs=request.top_logprobs,
        )
        given = made.choices[0].logprobs
        tokens = tuple(token.model_dump() for token in (given.content or ())) if given else ()
        return read_reply(_reply(made.choices[0].message.content or "", tokens), 0.5)


def _reply(text: str, logprobs: tuple[dict[str, object], ...] = ()) -> Reply:
    return Reply(text, None, "stop", Usage(), "", datetime.now(UTC), logprobs=logprobs)
