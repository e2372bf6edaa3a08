"""open-r1/OpenR1-Math-220k: several DeepSeek-R1 generations a problem, each with a verdict of math-verify
(`correctness_math_verify`); where that found none right, a model judged them (`correctness_llama`, often null)."""

from __future__ import annotations

from rlkd_data.answers.final import final_answer
from rlkd_data.collect.adapters.base import Adapter, Record, SourceRow, Unusable, gold, listed, required
from rlkd_data.collect.normalise import Parts, split_reasoning

TEACHER = "deepseek-ai/DeepSeek-R1"


def read_all(record: Record) -> list[SourceRow]:
    """The complete generations that math-verify found right; where there is none, those that the judge found right.

    Raises Unusable where there are none of either: a wrong or cut trace teaches the wrong structure.
    """
    problem, answer = required(record, "problem"), gold(record, "answer")
    generations = listed(record, "generations")
    math_verify, judge = listed(record, "correctness_math_verify"), listed(record, "correctness_llama")
    rate = _pass_rate(generations, math_verify, judge)
    bare = SourceRow(problem, answer, "math", pass_rate=rate)
    if not generations:
        raise Unusable("no_generation", "the row has no generations", bare)
    complete = listed(record, "is_reasoning_complete")
    for verdicts in (math_verify, judge):
        found = [
            (index, parts)
            for index, generation in enumerate(generations)
            if _at(verdicts, index) and _at(complete, index) and (parts := _whole(str(generation))) is not None
        ]
        if found:
            return [_row(bare, index, parts) for index, parts in found]
    raise Unusable("no_verified_generation", f"none of {len(generations)} generations is complete and verified", bare)


def read(record: Record) -> SourceRow:
    return read_all(record)[0]


def _row(bare: SourceRow, index: int, parts: Parts) -> SourceRow:
    return SourceRow(
        problem=bare.problem,
        answer=bare.answer,
        domain=bare.domain,
        reasoning=parts.reasoning,
        response=parts.response,
        final_answer=final_answer(parts.response),
        teacher=TEACHER,
        sample_index=index,
        pass_rate=bare.pass_rate,
    )


def _whole(generation: str) -> Parts | None:
    parts = split_reasoning(generation)
    return None if parts.open_ended or not parts.reasoning else parts


def _pass_rate(generations: list[object], *verdicts: list[object]) -> float | None:
    """The share of generations that one of the two found right; None where none was judged."""
    judged = [[found[i] for found in verdicts if i < len(found)] for i in range(len(generations))]
    judged = [each for each in judged if any(isinstance(verdict, bool) for verdict in each)]
    return sum(True in each for each in judged) / len(judged) if judged else None


def _at(flags: list[object], index: int) -> bool:
    return index < len(flags) and flags[index] is True


OPENR1_MATH = Adapter("openr1-math", frozenset({"problem", "generations"}), read, domain="math", read_all=read_all)
