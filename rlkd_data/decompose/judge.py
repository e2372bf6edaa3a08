"""An annotator's replies to checked, grounded steps. Pure: a better parser judges stored replies again without a call.

What is compared by math-verify is left open here (`Judged.compare`), for that needs processes of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from rlkd_data.answers.numbers import as_number
from rlkd_data.answers.verify import Job, quick
from rlkd_data.chat.types import FinishReason
from rlkd_data.prompts import Format
from rlkd_data.schema import Domain, Step
from rlkd_data.structure.check import (
    check,
    check_against_trace,
    duplicates,
    elsewhere,
    gives_answer,
    in_order,
    invented,
)
from rlkd_data.structure.chunk import Piece
from rlkd_data.structure.ground import Reasoning, coverage, ground, ordered
from rlkd_data.structure.merge import merge, shifted
from rlkd_data.structure.names import LONGEST_GAP, LONGEST_STRETCH
from rlkd_data.structure.numbers import canonical, numbers_of_text, result_of
from rlkd_data.structure.parsed import ParseFailure
from rlkd_data.structure.read import read

_ENDS = {"length": "truncated", "refusal": "refused", "other": "unfinished"}
"""Why a reply that cannot be read ended, where that says more than the parser does."""
ALWAYS = frozenset(_ENDS.values())
"""Codes that reject whatever the settings say: there is no whole reply."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How replies are read, and what rejects."""

    form: Format
    reject: frozenset[str]
    least_coverage: float
    longest_gap: int | None = LONGEST_GAP
    longest_stretch: float = LONGEST_STRETCH


@dataclass(frozen=True, slots=True)
class PieceReply:
    """What an annotator wrote about a piece of a trace."""

    piece: Piece
    text: str
    finish_reason: FinishReason


@dataclass(frozen=True, slots=True)
class Case:
    """All that a judgement needs: the trace's text and answers, and the replies about its pieces in order."""

    problem: str
    domain: Domain
    reasoning: str
    stated: str | None
    """The trace's own final answer."""
    gold: str | None
    is_correct: bool | None
    """Whether the trace's own answer was found to be the gold one."""
    replies: tuple[PieceReply, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """An answer that only math-verify can compare, and the code that a difference has."""

    job: Job
    code: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A decomposition and everything that was found about it.

    `failures` are the rejecting codes, each with the piece it is about (its number, from 0; None: the whole) and where.
    """

    steps: tuple[Step, ...] = ()
    final_answer: str | None = None
    issues: tuple[str, ...] = ()
    failures: tuple[tuple[str, int | None, str | None], ...] = ()
    coverage: float | None = None
    ordered: bool | None = None
    compare: tuple[Compare, ...] = ()


def judge(case: Case, rules: Rules) -> Judged:
    """Parse, ground, merge and check."""
    found: list[tuple[tuple[Step, ...], str | None]] = []
    codes: list[str] = []
    notes: list[str] = []
    failures: list[tuple[str, int | None, str | None]] = []
    for number, reply in enumerate(case.replies):
        parsed = read(reply.text, rules.form)
        if isinstance(parsed, ParseFailure):
            code = _ENDS.get(reply.finish_reason, parsed.code)
            failures.append((code, number, parsed.detail))
            continue
        if reply.finish_reason in _ENDS:
            failures.append((_ENDS[reply.finish_reason], number, "the reply ends before its time"))
        notes.extend(f"note:{note}" for note in parsed.notes)
        text = case.reasoning[reply.piece.start : reply.piece.end]
        found.append((shifted(ground(parsed.steps, Reasoning(text)), reply.piece.start), parsed.final_answer))
    codes.extend(code for code, _, _ in failures)
    if len(found) < len(case.replies) or not case.replies:
        return Judged(issues=in_order((*codes, *notes)), failures=tuple(failures))
    steps, final = found[0] if len(found) == 1 else _merged(case, found)
    own: tuple[str, ...] = check(steps, case.problem, reasoning=case.reasoning)
    if case.reasoning.strip():
        own += check_against_trace(
            steps,
            case.reasoning,
            case.problem,
            least_coverage=rules.least_coverage,
            gap=rules.longest_gap,
            stretch=rules.longest_stretch,
        )
    else:
        notes.append("note:no_reasoning")
    wrong, compare = _final_codes(case, final or _last(steps, case.stated or case.gold))
    codes.extend((*own, *wrong))
    failures.extend(
        (code, None, _where(code, steps, case)) for code in in_order((*own, *wrong)) if code in rules.reject
    )
    return Judged(
        steps,
        final,
        in_order((*codes, *notes)),
        tuple(failures),
        coverage(steps, len(case.reasoning)),
        ordered(steps),
        compare,
    )


def _where(code: str, steps: Sequence[Step], case: Case) -> str | None:
    """The steps that a code is about, where it is about single ones."""
    match code:
        case "duplicate_steps":
            found = duplicates(steps, case.reasoning)
        case "meta_gives_answer":
            found = _numbers(gives_answer(steps, case.problem))
        case "invented_answer":
            found = _numbers(invented(steps, case.reasoning, case.problem))
        case "number_elsewhere":
            found = _numbers(elsewhere(steps, case.reasoning))
        case _:
            return None
    return "step " + ", ".join(str(steps[number].index) for number in found) if found else None


def _numbers(verdicts: Sequence[bool]) -> list[int]:
    return [number for number, verdict in enumerate(verdicts) if verdict]


def with_code(judged: Judged, code: str, rules: Rules) -> Judged:
    """What was found, and one code more."""
    failures = (*judged.failures, (code, None, None)) if code in rules.reject else judged.failures
    return dataclasses.replace(judged, issues=in_order((*judged.issues, code)), failures=failures)


def judge_many(cases: Sequence[Case], rules: Rules) -> list[Judged]:
    """Several in one go, for a process of its own."""
    return [judge(case, rules) for case in cases]


def _merged(case: Case, found: Sequence[tuple[tuple[Step, ...], str | None]]) -> tuple[tuple[Step, ...], str | None]:
    """A step that an earlier piece has too is told once, for no annotator of a piece knows the others'; one that is
    repeated within a piece stays, and is a fault."""
    steps = merge([reply.piece for reply in case.replies], [steps for steps, _ in found])
    text = case.reasoning
    if not any(duplicates(own, text) for own, _ in found) and (again := set(duplicates(steps, text))):
        kept = [step for number, step in enumerate(steps) if number not in again]
        steps = tuple(dataclasses.replace(step, index=index) for index, step in enumerate(kept, 1))
    return steps, next((final for _, final in reversed(found) if final is not None), None)


def _last(steps: Sequence[Step], other: str | None) -> str | None:
    """What the last step arrives at, where a decomposition names no final answer and a number is looked for: that
    number if the step's answer holds it anywhere, otherwise the one that it arrives at. Prose is not taken apart for an
    answer: what it seems to state is too often something else."""
    wanted = as_number(other) if other is not None else None
    if not steps or wanted is None:
        return None
    held = canonical(f"{abs(wanted):f}") in numbers_of_text(steps[-1].answer)
    return other if held else result_of(steps[-1].answer)


def _final_codes(case: Case, said: str | None) -> tuple[tuple[str, ...], tuple[Compare, ...]]:
    """The codes of a final answer that is told at once to be wrong, and what remains to be compared.

    It is compared with the trace's own, for a decomposition is of the trace, right or wrong; with the gold one where
    the trace states none. That a faithful final answer is not the gold one is a code of its own.
    """
    if said is None:
        return (), ()
    codes: list[str] = []
    compare: list[Compare] = []
    for other, code in ((case.stated or case.gold, "wrong_final"), (case.gold if case.stated else None, "not_gold")):
        if other is None:
            continue
        if code == "not_gold" and case.is_correct is not None and "wrong_final" not in codes and not compare:
            codes.extend(() if case.is_correct else (code,))
            continue
        job = Job(other, said, case.domain, case.problem)
        verdict = quick(job)
        if verdict is None:
            compare.append(Compare(job, code))
        elif verdict.differs:
            codes.append(code)
    if "wrong_final" in codes:  # says it already
        return ("wrong_final",), ()
    return tuple(codes), tuple(compare)
