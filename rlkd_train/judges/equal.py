"""What needs no judge: the same text, and answers that arrive at numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from rlkd_data.structure.outcome import outcome
from rlkd_train.judges.base import Judge, Pair, Verdict


def equal(pair: Pair) -> Verdict | None:
    """A verdict where the texts alone tell; None where a judge is needed.

    The same words match, whatever their case and punctuation. Two answers that both arrive at a number (the one behind
    the last equals sign, or the last one) match if the numbers are equal.
    """
    if words(pair.teacher) == words(pair.student):
        return Verdict(True, "equal")
    if pair.part == "answer":
        teacher, student = outcome(pair.teacher), outcome(pair.student)
        if isinstance(teacher, Decimal) and isinstance(student, Decimal):
            return Verdict(teacher == student, "number")
    return None


def words(text: str) -> list[str]:
    """Lower-case words, numbers and signs that carry meaning in a formula."""
    return re.findall(r"\w+|[-+*/=<>^%]", text.lower())


class EqualFirst:
    """Asks another judge only about pairs that `equal` does not settle; without one, they do not match."""

    def __init__(self, judge: Judge | None) -> None:
        self._judge = judge

    async def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        verdicts = [equal(pair) for pair in pairs]
        open_ = [pair for pair, verdict in zip(pairs, verdicts, strict=True) if verdict is None]
        if open_ and self._judge is not None:
            asked = iter(await self._judge.judge(open_))
        else:
            asked = iter([Verdict(False, "unequal")] * len(open_))
        return [verdict if verdict is not None else next(asked) for verdict in verdicts]

    async def close(self) -> None:
        if self._judge is not None:
            await self._judge.close()
