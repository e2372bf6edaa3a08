"""open-r1/OpenR1-Math-220k: several DeepSeek-R1 generations a problem, with verdicts of math-verify on each."""

from __future__ import annotations

from rlkd_data.collect.adapters.base import Adapter, Record, SourceRow, Unusable, required, text
from rlkd_data.collect.normalise import final_answer, split_reasoning

TEACHER = "deepseek-ai/DeepSeek-R1"


def read(record: Record) -> SourceRow:
    """The first generation that math-verify found right and whose reasoning is complete.

    Raises Unusable where there is none: a wrong or cut trace teaches the wrong structure.
    """
    problem = required(record, "problem")
    generations = list(record.get("generations") or [])
    if not generations:
        raise Unusable("no_generation", "the row has no generations")
    right = list(record.get("correctness_math_verify") or [])
    complete = list(record.get("is_reasoning_complete") or [])
    for index, generation in enumerate(generations):
        if not _at(right, index) or not _at(complete, index):
            continue
        parts = split_reasoning(str(generation))
        if parts.open_ended or not parts.reasoning:
            continue
        return SourceRow(
            problem=problem,
            answer=text(record, "answer"),
            reasoning=parts.reasoning,
            response=parts.response,
            final_answer=final_answer(parts.response),
            teacher=TEACHER,
        )
    raise Unusable("no_verified_generation", f"none of {len(generations)} generations is complete and verified")


def _at(flags: list[object], index: int) -> bool:
    return index < len(flags) and flags[index] is True


OPENR1_MATH = Adapter("openr1-math", frozenset({"problem", "generations"}), read, domain="math")
