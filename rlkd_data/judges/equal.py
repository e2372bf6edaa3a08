"""What needs no judge: the same text, and answers that arrive at the same number or formula."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from rlkd_data.chat.client import Client
from rlkd_data.collect.normalise import last_boxed
from rlkd_data.collect.verify import Job, Verifier
from rlkd_data.judges.base import Judge, Pair, Verdict
from rlkd_data.structure.outcome import outcome

_DOLLARS = re.compile(r"\$([^$\n]*[^$\d\s,.][^$\n]*)\$(?!\d)")
_PROSE = re.compile(r"(?<![\\A-Za-z])(?!(?:sin|cos|tan|log|exp|sqrt|mod)\b)[A-Za-z]{3,}")
"""A word that is no function: what holds one is prose, which math-verify would read as something else."""
_OPERATION = re.compile(r"\d\s*/\s*\d|\\[A-Za-z]|\^|√|sqrt")
_LONGEST = 200
_WORKERS = 2


def equal(pair: Pair) -> Verdict | None:
    """A verdict where the texts alone tell; None where a judge is needed.

    The same words match, whatever their case and punctuation. Two answers that both arrive at a number (the one behind
    the last equals sign, or the last one) match if the numbers are equal.
    """
    if words(pair.teacher) == words(pair.student):
        return Verdict(True, "equal", free=True)
    if pair.part == "answer":
        teacher, student = number(pair.teacher), number(pair.student)
        if teacher is not None and student is not None:
            return Verdict(teacher == student, "number", free=True)
    return None


def words(text: str) -> list[str]:
    """Lower-case words, numbers and signs that carry meaning in a formula."""
    return re.findall(r"\w+|[-+*/=<>^%]", text.lower())


def number(answer: str) -> Decimal | None:
    """The number that an answer arrives at; None where it arrives at none, or at a fraction, power or other formula of
    which the number is but a part."""
    found = outcome(answer)
    return found if isinstance(found, Decimal) and not _OPERATION.search(_end(answer)) else None


def formula(answer: str) -> str | None:
    """The formula that an answer arrives at, without the words around it; None where it arrives at prose."""
    found = _end(answer).strip().rstrip(".")
    return None if not found or len(found) > _LONGEST or _PROSE.search(found) else found


def _end(answer: str) -> str:
    r"""Where an answer arrives: its last `\boxed{…}`, else its last `$…$`, else all of it; of that, what stands behind
    the last equals sign."""
    boxed = last_boxed(answer)
    dollars = _DOLLARS.findall(answer)
    marked = boxed if boxed is not None else dollars[-1] if dollars else answer
    return marked.rpartition("=")[2]


class EqualFirst:
    """Asks another judge only about pairs that `equal` and, for answers that are formulas, math-verify do not settle;
    without one, those do not match. `client` is the one that the other judge asks, if it does."""

    def __init__(self, judge: Judge | None, *, client: Client | None = None) -> None:
        self._judge, self.client = judge, client
        self._verifier = Verifier(_WORKERS)  # its processes start with the first formula
        self.whole = judge is not None and judge.whole

    async def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        settled = [equal(pair) or await self._verified(pair) for pair in pairs]
        open_ = [pair for pair, verdict in zip(pairs, settled, strict=True) if verdict is None]
        if open_ and self._judge is not None:
            asked = iter(await self._judge.judge(open_))
        else:
            asked = iter([Verdict(False, "unequal", free=True)] * len(open_))
        return [verdict if verdict is not None else next(asked) for verdict in settled]

    async def close(self) -> None:
        self._verifier.close()
        if self._judge is not None:
            await self._judge.close()

    async def _verified(self, pair: Pair) -> Verdict | None:
        if pair.part != "answer":
            return None
        teacher, student = formula(pair.teacher), formula(pair.student)
        if teacher is None or student is None:
            return None
        found = await self._verifier.verify_async(Job(teacher, student, "math"))
        return None if found.is_correct is None else Verdict(found.is_correct, found.how, free=True)
