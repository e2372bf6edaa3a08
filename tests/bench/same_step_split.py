"""The `same_step` judge on pairs that its thresholds were not chosen on.

    python -m tests.bench.same_step_split

The shipped pairs of whole steps (rlkd_train/evaluate/wordings.yaml) are halved by problem, forty times by chance; the
two cosines are chosen on one half, by kappa, and measured on the other. The floor is kappa 0; the ceiling is what they
reach on the half that they were chosen on.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Sequence
from itertools import product
from statistics import fmean, stdev

from rlkd_data.config import JudgeSettings
from rlkd_data.judges.base import Said, Verdict, step_pair
from rlkd_data.judges.open import open_judge
from rlkd_train.evaluate.metrics import agreement
from rlkd_train.evaluate.wordings import Labelled, shipped

LEAST = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
AGREE = (0.001, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
_COSINE = re.compile(r"same_step (-?\d\.\d+)")


async def judged(pairs: Sequence[Labelled]) -> list[Verdict]:
    """Verdicts where no cosine is too low: what a threshold decides can then be told from each."""
    judge = open_judge(JudgeSettings(kind="same_step", step_threshold=0.001, step_agree=0.001))
    try:
        return await judge.judge(
            [
                step_pair(Said(p.a, p.answer_a or ""), Said(p.b, p.answer_b or ""), p.problem, n)
                for n, p in enumerate(pairs)
            ]
        )
    finally:
        await judge.close()


def match(verdict: Verdict, least: float, agree: float) -> bool:
    found = _COSINE.search(verdict.how)
    if not verdict.match or found is None:
        return bool(verdict.match)
    return float(found[1]) >= (agree if "agree" in verdict.how else max(agree, least))


def kappa(pairs: Sequence[tuple[Labelled, Verdict]], least: float, agree: float) -> float:
    return agreement([p.label for p, _ in pairs], [match(v, least, agree) for _, v in pairs]).kappa or 0.0


def main() -> float:
    """Mean kappa on the halves that nothing was chosen on."""
    pairs = [pair for pair in shipped() if pair.part == "step"]
    known = list(zip(pairs, asyncio.run(judged(pairs)), strict=True))
    problems = sorted({pair.problem for pair in pairs})
    usual = JudgeSettings()
    print(
        f"{len(pairs)} pairs of {len(problems)} problems; as shipped ({usual.step_threshold}, {usual.step_agree}): "
        f"kappa {kappa(known, usual.step_threshold, usual.step_agree):.2f}"
    )
    inside, outside, chosen = [], [], []
    for seed in range(20):
        order = list(problems)
        random.Random(seed).shuffle(order)
        first = set(order[: len(order) // 2])
        halves = [[one for one in known if (one[0].problem in first) is side] for side in (True, False)]
        for own, other in (halves, halves[::-1]):
            best = max(product(LEAST, AGREE), key=lambda two: kappa(own, *two))
            chosen.append(best)
            inside.append(kappa(own, *best))
            outside.append(kappa(other, *best))
    print(f"chosen on a half: kappa {fmean(inside):.2f} there")
    print(f"on the other half: kappa {fmean(outside):.2f} (standard deviation {stdev(outside):.2f} of 40)")
    print(f"chosen most often: {max(set(chosen), key=chosen.count)}")
    return fmean(outside)


if __name__ == "__main__":
    main()
