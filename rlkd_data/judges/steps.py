"""Whether two steps are the same: a judge's verdicts about their parts, put together."""

from __future__ import annotations

from collections.abc import Sequence

from rlkd_data.errors import ModelError
from rlkd_data.judges.base import Judge, Pair, Said, Verdict, step_pair
from rlkd_data.schema import Step
from rlkd_data.structure.align import text_of
from rlkd_data.structure.match import match
from rlkd_data.structure.names import WholeName


class StepJudge:
    """Two steps are the same where all of the `parts` match; the part `step` is question and answer together.
    `unjudged` counts pairs of steps without a verdict."""

    def __init__(self, judge: Judge, parts: Sequence[WholeName] = ("step",)) -> None:
        self._judge, self._parts = judge, parts
        self._asked = 0
        self.unjudged = 0

    async def same(self, pairs: Sequence[tuple[Step, Step]], problem: str) -> list[bool | None]:
        """A verdict for each pair of steps of one problem; None where the judge's reply tells none. Raises ModelError
        where it did not answer: another time it may."""
        self._asked += 1
        asked = [_pair(part, one, other, problem, self._asked) for one, other in pairs for part in self._parts]
        verdicts = await self._judge.judge(asked)
        for verdict in verdicts:
            if verdict.failed:
                raise ModelError(
                    f"the judge did not answer ({verdict.how}); what it answered is kept, and the same command asks "
                    "for the rest"
                )
        width = len(self._parts)
        found = [_all(verdicts[start : start + width]) for start in range(0, len(verdicts), width)]
        self.unjudged += found.count(None)
        return found

    async def matched(self, left: Sequence[Step], right: Sequence[Step], problem: str) -> list[tuple[int, int]]:
        """The most pairs (left index, right index) of steps that are the same and keep the order of both."""
        if not left or not right:
            return []
        verdicts = await self.same([(one, other) for one in left for other in right], problem)
        return match(len(left), len(right), lambda i, j: verdicts[i * len(right) + j] is True)


def _pair(part: WholeName, one: Step, other: Step, problem: str, group: int) -> Pair:
    if part == "step":
        return step_pair(Said(one.sub_problem, one.answer), Said(other.sub_problem, other.answer), problem, group)
    return Pair(part, text_of(one, part), text_of(other, part), problem, group)


def _all(verdicts: Sequence[Verdict]) -> bool | None:
    matches = [verdict.match for verdict in verdicts]
    return False if False in matches else None if None in matches else True
