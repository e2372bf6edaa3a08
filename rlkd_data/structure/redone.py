"""Steps that are taken again: of those after the same sub-problem, the last one stands. Pure.

The paper's alignment goes step by step, so that a student who finds a fault and does the step again loses that step and
all that follow. Where mending is welcome, what was mended is left out before the alignment, as if it had not been
written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rlkd_data.schema import Step
from rlkd_data.structure.bare import bare


def last_of_each(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps without those whose sub-problem, in the same words, a later one asks; numbered anew from 1. A step
    that asks nothing is none of them."""
    asked = [bare(step.sub_problem) for step in steps]
    last = {question: place for place, question in enumerate(asked) if question}
    kept = [step for place, step in enumerate(steps) if last.get(asked[place], place) == place]
    return tuple(replace(step, index=number) for number, step in enumerate(kept, 1))
