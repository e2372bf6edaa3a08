"""A judge that errs on purpose, to measure what a judge's errors cost a training."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from rlkd_data.chat.client import Client
from rlkd_data.judges.base import Judge, Pair, Verdict
from rlkd_data.judges.equal import EqualFirst


class Erring(EqualFirst):
    """Turns round a share of all verdicts, also of those that no model was asked for.

    Which ones, the texts of a pair decide: a judge errs on the same pair again, whenever and in whatever run it is
    asked, as a real one does. A verdict that is not known stays so.
    """

    def __init__(self, judge: Judge | None, share: float, *, client: Client | None = None) -> None:
        super().__init__(judge, client=client)
        self._share = share

    async def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        return [
            replace(verdict, match=not verdict.match, how=f"{verdict.how}, turned round")
            if verdict.match is not None and place(pair) < self._share
            else verdict
            for pair, verdict in zip(pairs, await super().judge(pairs), strict=True)
        ]


def place(pair: Pair) -> float:
    """Where a pair lies between 0 and 1, evenly over pairs."""
    texts = "\0".join((pair.part, pair.teacher, pair.student, pair.problem))
    digest = hashlib.sha256(texts.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
