"""Student steps beside teacher steps: which pairs need a verdict, and what the verdicts make of them.

RLKD, section 3.3 (arXiv 2505.16142): steps are compared in order. Step i scores 1 where its meta-reasoning matches,
halved where its sub-problem does not match, halved again where its answer does not match. The first meta-reasoning that
does not match closes the *prefix gate*: that step and every later one score 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rlkd_data.schema import Step
from rlkd_data.structure.names import PARTS, AskedName, PartName


@dataclass(frozen=True, slots=True)
class PairKey:
    """Which two texts a verdict is about: part `part` of step `index` (from 1) on both sides."""

    index: int
    part: AskedName


Verdicts = Mapping[PairKey, bool | None]
"""True: they match; False: they do not; None, or no entry: not known."""


@dataclass(frozen=True, slots=True)
class StepMatch:
    """One step's verdicts and score (1, ½, ¼ or 0). Behind the gate the verdicts are None, for nobody asked."""

    index: int
    meta: bool | None
    sub_problem: bool | None
    answer: bool | None
    score: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """Steps compared pair by pair.

    `gate_at` is the first step whose meta-reasoning does not match, None where all match. `unscored` is the first pair
    whose verdict was needed and is not known: such an alignment has no score.
    """

    steps: tuple[StepMatch, ...]
    n_teacher: int
    n_student: int
    gate_at: int | None
    unscored: PairKey | None


def compared(teacher: Sequence[Step], student: Sequence[Step]) -> int:
    """How many steps are compared: min(n_teacher, n_student)."""
    return min(len(teacher), len(student))


def text_of(step: Step, part: PartName) -> str:
    """The text of one part of a step."""
    return {"meta": step.meta_reasoning, "sub_problem": step.sub_problem, "answer": step.answer}[part]


def needed(n_compared: int, verdicts: Verdicts, lookahead: int = 1) -> Iterator[PairKey]:
    """The pairs to ask about next, given what is known: an empty result means that nothing more is needed.

    Every part of the steps before the gate is needed, and the meta-reasoning of `lookahead` steps that are still open.
    With a `lookahead` over 1, verdicts behind a gate that has yet to fall are asked for in vain.
    """
    open_steps = 0
    for index in range(1, n_compared + 1):
        meta = PairKey(index, "meta")
        if meta not in verdicts:
            yield meta
            open_steps += 1
            if open_steps >= lookahead:
                return
            continue
        if not verdicts[meta]:
            return
        for part in PARTS[1:]:
            key = PairKey(index, part)
            if key not in verdicts:
                yield key


def every(n_compared: int) -> Iterator[PairKey]:
    """All pairs of a comparison: what is asked where one request holds them all."""
    return (PairKey(index, part) for index in range(1, n_compared + 1) for part in PARTS)


def in_vain(alignment: Alignment, asked: Iterable[PairKey]) -> int:
    """How many of the pairs that were asked about lie behind the gate, or are the gate step's own other parts, so that
    their verdicts count for nothing."""
    gate = alignment.gate_at
    if gate is None:
        return 0
    return sum(key.index > gate or (key.index == gate and key.part != "meta") for key in asked)


def align(teacher: Sequence[Step], student: Sequence[Step], verdicts: Verdicts) -> Alignment:
    """Put the verdicts on the steps. Only verdicts up to the gate count, and only those are needed."""
    matched: list[StepMatch] = []
    gate_at: int | None = None
    unscored: PairKey | None = None
    for index in range(1, compared(teacher, student) + 1):
        if gate_at is not None or unscored is not None:
            matched.append(StepMatch(index, None, None, None, 0.0))
            continue
        meta = verdicts.get(PairKey(index, "meta"))
        if meta is None:
            unscored = PairKey(index, "meta")
            matched.append(StepMatch(index, None, None, None, 0.0))
            continue
        if not meta:
            gate_at = index
            matched.append(StepMatch(index, False, None, None, 0.0))
            continue
        sub_problem = verdicts.get(PairKey(index, "sub_problem"))
        answer = verdicts.get(PairKey(index, "answer"))
        if sub_problem is None or answer is None:
            unscored = PairKey(index, "sub_problem" if sub_problem is None else "answer")
        score = 1.0
        if not sub_problem:
            score /= 2
        if not answer:
            score /= 2
        matched.append(StepMatch(index, True, sub_problem, answer, 0.0 if unscored else score))
    return Alignment(tuple(matched), len(teacher), len(student), gate_at, unscored)
