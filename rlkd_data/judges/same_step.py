"""The `same_step` judge: whether two whole steps are the same, by question and answer together, without a chat model.

A question alone tells little: those of one problem are alike, and two annotators word one question in ways that are
not. With its answer it is told well. The thresholds are from the pairs of `rlkd-train judge-eval` and from the steps of
GSM8K, where two steps of one problem hardly ever come to the same number.
"""

from __future__ import annotations

from collections.abc import Sequence

from rlkd_data.judges.base import Judge, Pair, Verdict, answers_of
from rlkd_data.judges.embedding import EmbeddingJudge
from rlkd_data.judges.equal import EqualFirst, words
from rlkd_data.judges.found import DIFFER, conclude_alike, concluded
from rlkd_data.run.together import together
from rlkd_data.structure.numbers import canonical, numbers

_ANSWERS = 0.4
"""Cosine of two answers, at least, where nothing else is known of them: `fish` is not `cat`, whatever was asked."""
_QUESTION, _SOME = 0.95, 0.5
_WHOLE, _ALL = 0.5, 1.0
"""Two steps are after the same with nearly one question and half of what they calculate with, or with all of it."""


class _Unknown:
    """What is behind `equal` where nothing else is asked."""

    whole = False

    async def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        return [Verdict(None, "not known", free=True)] * len(pairs)

    async def close(self) -> None: ...


class SameStep:
    """Two steps are the same where the cosine of question and answer is `agree` or more and the answers agree (`equal`,
    math-verify for formulas, or each states the number that the other concludes), or where it is `least` or more and
    nothing says that the answers differ. They are after the same where they calculate with the same numbers. An answer
    alone goes by the number that it concludes, any other part by its cosine, as the embedder says."""

    whole = False

    def __init__(self, embedder: EmbeddingJudge, least: float, agree: float) -> None:
        self._embedder, self._least, self._agree = embedder, least, agree
        self._answers = EqualFirst(_Unknown())

    async def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        found = await self._embedder.judge(pairs)
        return await together(self._judged(pair, one) for pair, one in zip(pairs, found, strict=True))

    async def close(self) -> None:
        await self._answers.close()
        await self._embedder.close()

    async def _judged(self, pair: Pair, alike: Verdict) -> Verdict:
        if pair.part == "step" and alike.score is not None:
            return await self._same(pair, alike.score)
        if pair.part == "attempt" and alike.score is not None:
            return await self._after_the_same(pair, alike.score)
        if pair.part == "answer" and (agree := conclude_alike(pair.teacher, pair.student)) is not None:
            return Verdict(agree, "same number" if agree else DIFFER)
        return alike

    async def _same(self, pair: Pair, cosine: float) -> Verdict:
        how = f"same_step {cosine:.3f}"
        if cosine < self._agree:
            return Verdict(False, how)
        answers = answers_of(pair)
        (known,) = await self._answers.judge([answers])
        agree = known.match if known.match is not None else conclude_alike(answers.teacher, answers.student)
        if agree is not None:
            return Verdict(True, f"{how}, answers agree") if agree else Verdict(False, DIFFER)
        if cosine < self._least:
            return Verdict(False, how)
        (said,) = await self._embedder.judge([answers])
        close = said.score is not None and said.score >= _ANSWERS
        return Verdict(close, how if close else f"{how}, {said.how} of the answers")

    async def _after_the_same(self, pair: Pair, question: float) -> Verdict:
        if pair.steps is None:
            return Verdict(False, "unequal")
        teacher, student = pair.steps
        shared = _shared(teacher.answer, student.answer)
        if shared is None or shared < _SOME or (question < _QUESTION and shared < _ALL):
            return Verdict(False, f"question {question:.3f}")
        whole = Pair("step", teacher.text, student.text, pair.problem, pair.group)
        (both,) = await self._embedder.judge([whole])
        match = question >= _QUESTION or (both.score or 0.0) >= _WHOLE
        return Verdict(match, f"question {question:.3f}, same numbers")


def _shared(teacher: str, student: str) -> float | None:
    """The share of the numbers that two answers calculate with which both have, of the fewer; None where one has
    none."""
    one, other = _operands(teacher), _operands(student)
    return len(one & other) / min(len(one), len(other)) if one and other else None


def _operands(answer: str) -> set[str]:
    result = concluded(answer)
    return numbers(answer) - ({canonical(str(abs(result)))} if result is not None else set())


class EqualSteps:
    """What `equal` alone makes of what it does not settle: steps are the same where their questions have the same words
    and their answers agree; nothing else matches."""

    whole = False

    def __init__(self) -> None:
        self._answers: Judge = EqualFirst(None)

    async def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        return await together(self._judged(pair) for pair in pairs)

    async def close(self) -> None:
        await self._answers.close()

    async def _judged(self, pair: Pair) -> Verdict:
        if pair.part != "step" or pair.steps is None:
            return Verdict(False, "unequal", free=True)
        if words(pair.steps[0].question) != words(pair.steps[1].question):
            return Verdict(False, "unequal", free=True)
        (same,) = await self._answers.judge([answers_of(pair)])
        return same
