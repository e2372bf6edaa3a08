from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from rlkd_data.config import JudgeSettings
from rlkd_data.judges.base import Pair, Verdict
from rlkd_data.judges.erring import Erring
from rlkd_data.judges.open import judge_name, open_judge

PAIRS = [Pair("answer", f"It is {n}.", f"It is {n + n % 2}.", "How many?") for n in range(1000)]


def verdicts(errs: float) -> list[bool | None]:
    async def ask() -> list[bool | None]:
        judge = open_judge(JudgeSettings(kind="equal", errs=errs))
        try:
            return [verdict.match for verdict in await judge.judge(PAIRS)]
        finally:
            await judge.close()

    return asyncio.run(ask())


@pytest.mark.parametrize("errs", [0.05, 0.2])
def test_errs_in_the_share_that_is_said_and_both_ways(errs: float) -> None:
    right, erring = verdicts(0), verdicts(errs)
    turned = [before for before, after in zip(right, erring, strict=True) if before != after]
    assert len(turned) == pytest.approx(errs * len(PAIRS), rel=0.3)
    assert 0.3 < sum(map(bool, turned)) / len(turned) < 0.7


def test_errs_on_the_same_pairs_again_and_more_often_on_more() -> None:
    right = verdicts(0)
    wrong = [[n for n, match in enumerate(verdicts(errs)) if match != right[n]] for errs in (0.1, 0.1, 0.2)]
    assert wrong[0] == wrong[1]
    assert set(wrong[0]) < set(wrong[2])


def test_what_is_not_known_stays_so() -> None:
    class Silent:
        whole = False

        async def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
            return [Verdict(None, "no reply", failed=True)] * len(pairs)

        async def close(self) -> None: ...

    pair = Pair("meta", "one thing", "quite another", "How many?")
    judge = Erring(Silent(), 0.999999)
    assert asyncio.run(judge.judge([pair])) == [Verdict(None, "no reply", failed=True)]


def test_its_name_says_so() -> None:
    assert "10% turned round" in judge_name(JudgeSettings(kind="equal", errs=0.1))
    assert "turned" not in judge_name(JudgeSettings(kind="equal"))
