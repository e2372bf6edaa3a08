"""What students earn who solve less and less, and those who want a reward for nothing, with a perfect GSRM.

    python -m tests.bench.annotations_reward

Means over the shipped problems (tests/support/ladder.py), scored by the judges that need no chat model, with the
paper's alignment and with that in sequence. The floor of "for nothing" is 0.
"""

from __future__ import annotations

import asyncio
from statistics import fmean
from typing import Any

from rlkd_data.config import JudgeSettings
from rlkd_data.judges.open import open_judge
from rlkd_data.structure.render import render
from rlkd_train.reward.scorer import Completion, StructureScorer
from tests.support.ladder import Ladder, ladders
from tests.support.scoring_fakes import FakeClient

WAYS: dict[str, dict[str, Any]] = {
    "paper's gate": {"kind": "embedding", "align": "positional", "gate": "meta"},
    "step gate": {"kind": "same_step", "align": "positional", "gate": "step"},
    "sequence": {"kind": "same_step", "align": "sequence", "gate": "none"},
    "sequence, gate": {"kind": "same_step", "align": "sequence", "gate": "step"},
}


async def scores(ladder: Ladder, way: dict[str, Any]) -> dict[str, float]:
    """What each student of a problem earns."""
    texts = {ladder.text(name): name for name in ladder.students}

    def gsrm(asked: str) -> str:
        found = max((text for text in texts if text and text in asked), key=len)
        return render(ladder.students[texts[found]])

    judge = open_judge(JudgeSettings(kind=way["kind"]))
    made = StructureScorer(
        FakeClient(gsrm),  # type: ignore[arg-type]
        judge,
        {ladder.problem: [ladder.teacher]},
        max_tokens=64,
        align=way["align"],
        gate=way["gate"],
    )
    names = list(ladder.students)
    found = await made.score([Completion(ladder.problem, ladder.problem, ladder.text(name)) for name in names])
    await judge.close()
    assert all(one.score is not None for one in found), [one.unscored for one in found]
    return {name: one.score for name, one in zip(names, found, strict=True) if one.score is not None}


def main() -> dict[str, dict[str, float]]:
    """The mean of each student by the way it is scored."""
    table = {way: [asyncio.run(scores(ladder, chosen)) for ladder in ladders()] for way, chosen in WAYS.items()}
    print(f"{len(table['sequence'])} problems; {'student':20}" + "".join(f"{way:>16}" for way in table))
    for name in table["sequence"][0]:
        print(f"{name:32}" + "".join(f"{fmean(one[name] for one in found):16.3f}" for found in table.values()))
    return {way: {name: fmean(one[name] for one in found) for name in found[0]} for way, found in table.items()}


if __name__ == "__main__":
    main()
