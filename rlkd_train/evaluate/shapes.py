"""How samples reason, beside whether they are right. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlkd_data.structure.align import Alignment
from rlkd_data.structure.kinds import KINDS, kinds, share_abandoned
from rlkd_data.structure.sequence import Matched
from rlkd_train.evaluate.metrics import mean
from rlkd_train.evaluate.samples import Sample
from rlkd_train.reward.scorer import Structure


def shape_of(one: Structure) -> dict[str, Any]:
    """The columns of a sample that tell of its steps, and of the teacher's beside them; of one without a score, what
    was judged all the same."""
    judged = {"steps": one.steps, "teacher": one.winner, "verdicts": one.verdicts}
    if one.unscored is not None:
        return judged
    told: dict[str, Any] = judged | {
        "n_steps": len(one.steps),
        "kinds": kinds(one.steps),
        "abandoned": share_abandoned(one.steps),
    }
    if one.alignment is None:
        return told
    return told | {"gate_at": one.alignment.gate_at} | beside_teacher(one.alignment)


def beside_teacher(alignment: Alignment | Matched) -> dict[str, Any]:
    """Steps before the gate (all that were compared, where it stays open), and the shares of the sample's steps and of
    the teacher's that stand for each other, be it in part: those with a score, or in a block. A sample without steps
    has a precision of 0."""
    if isinstance(alignment, Matched):
        reached = max((block.teacher[1] for block in alignment.blocks), default=0)
        prefix = reached if alignment.gate_at is None else alignment.gate_at - 1
        own = sum(block.student[1] - block.student[0] for block in alignment.blocks)
        theirs = sum(block.teacher[1] - block.teacher[0] for block in alignment.blocks)
    else:
        prefix = len(alignment.steps) if alignment.gate_at is None else alignment.gate_at - 1
        own = theirs = sum(step.score > 0 for step in alignment.steps)
    return {
        "prefix": prefix,
        "step_precision": own / alignment.n_student if alignment.n_student else 0.0,
        "step_recall": theirs / alignment.n_teacher,
    }


def by_accuracy(samples: Sequence[Sample]) -> dict[str, Any]:
    """Of the right samples and of the wrong ones: mean steps, the share of those that came to nothing, and of those of
    each kind. Empty where no sample's steps are known."""
    found: dict[str, Any] = {}
    for name, right in (("right", True), ("wrong", False)):
        known = [one for one in samples if one.kinds and one.is_correct is right]
        if not known:
            continue
        told: dict[str, float | None] = {
            "steps": mean([float(len(one.kinds or ())) for one in known]),
            "abandoned": mean([one.abandoned or 0.0 for one in known]),
        }
        for kind in KINDS:
            told[kind] = mean([(one.kinds or ()).count(kind) / len(one.kinds or " ") for one in known])
        found[name] = told
    return {"steps by accuracy": found} if found else {}
