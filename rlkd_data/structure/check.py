"""Validators of a decomposition: codes, not prose, so that counts of them mean the same everywhere.

`check` looks at the steps alone, `check_against_trace` at the steps beside the trace that they were taken from. What a
code leads to (rejection, or a flag in the row's `issues`) is the caller's setting; `REJECTING` is the default.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rlkd_data.schema import Step
from rlkd_data.structure.ground import coverage, longest_gap, ordered
from rlkd_data.structure.names import CODES, LEAST_COVERAGE, LONGEST_GAP, Issue
from rlkd_data.structure.numbers import canonical, numbers, numbers_of_text, result_of

_QUOTED = re.compile(r"\"[^\"\n]*\"|“[^”\n]*”|'[^'\n]*\?'|`[^`\n]*`|\([^()\n]*\)")
_SECOND_QUESTION = re.compile(
    r"\b(?:how|what|which|who|whom|when|where|why)\b(?:[^?\n]*?\b\w+){2}[^?\n]*?[,;]?\s+(?:and|or)\s+"
    r"(?:how|what|which|who|whom|when|where|why)\b(?:\s+\w+){2}",
    re.IGNORECASE,
)
_CONTENT = re.compile(r"[^\W\d_]{4,}")
_STEM = 5
_LEAST_FOUND = 0.5


def check(steps: Sequence[Step], problem: str = "") -> tuple[Issue, ...]:
    """The codes of everything that is wrong with these steps in themselves, each once, in a fixed order.

    - no_steps, empty_part, numbering (indices are not 1 … n)
    - duplicate_steps: two steps ask the same and answer the same
    - several_questions: a sub-problem asks more than one thing
    - meta_gives_answer: a step's meta-reasoning states the number that its answer arrives at, where neither the problem
      nor an earlier step has it
    """
    found: list[Issue] = []
    if not steps:
        found.append("no_steps")
    if [step.index for step in steps] != list(range(1, len(steps) + 1)):
        found.append("numbering")
    if any(not part.strip() for step in steps for part in (step.meta_reasoning, step.sub_problem, step.answer)):
        found.append("empty_part")
    seen = [(_plain(step.sub_problem), _said(step.answer)) for step in steps]
    if len(set(seen)) < len(seen):
        found.append("duplicate_steps")
    if any(asks_several(step.sub_problem) for step in steps):
        found.append("several_questions")
    known = numbers(problem)
    for step in steps:
        known |= numbers(step.sub_problem)
        result = result_of(step.answer)
        if result is not None and result not in known and result in numbers(step.meta_reasoning):
            found.append("meta_gives_answer")
            break
        known |= numbers(step.answer) | numbers(step.meta_reasoning)
    return tuple(found)


def check_against_trace(
    steps: Sequence[Step],
    reasoning: str,
    problem: str = "",
    *,
    least_coverage: float = LEAST_COVERAGE,
    gap: float = LONGEST_GAP,
) -> tuple[Issue, ...]:
    """The codes of everything that is wrong with grounded steps beside their trace.

    - invented_answer: what an answer arrives at is not in the trace: its number, or, without one, most of its words
    - out_of_order: the steps that were found stand in the trace in another order
    - uncovered: the steps account for less than `least_coverage` of the trace, or for none of `gap` characters on end
    """
    if not steps:
        return ()
    found: list[Issue] = []
    if any(invented(steps, reasoning, problem)):
        found.append("invented_answer")
    if not ordered(steps):
        found.append("out_of_order")
    share = coverage(steps, len(reasoning))
    if share is not None and (share < least_coverage or longest_gap(steps, len(reasoning)) > gap):
        found.append("uncovered")
    return tuple(found)


def in_order(codes: Iterable[str]) -> tuple[str, ...]:
    """Codes without repetition: known ones in their fixed order, then the others as they came."""
    given = tuple(dict.fromkeys(codes))
    return (*(code for code in CODES if code in given), *(code for code in given if code not in CODES))


def asks_several(question: str) -> bool:
    """Whether a sub-problem holds more than one question; what stands in quotes or brackets does not count."""
    bare = _QUOTED.sub(" ", question)
    return len(re.findall(r"\?+", bare)) > 1 or _SECOND_QUESTION.search(bare) is not None


def invented(steps: Sequence[Step], reasoning: str, problem: str = "") -> list[bool]:
    """For each step, whether its answer cannot come from the trace or the problem."""
    both = f"{reasoning}\n{problem}"
    known: set[str] | None = None
    stems: set[str] | None = None
    verdicts: list[bool] = []
    for step in steps:
        result = result_of(step.answer)
        if _verbatim(step):
            verdicts.append(False)
        elif result is not None:
            known = numbers_of_text(both) if known is None else known
            verdicts.append(not _same_number(result, known))
        elif step.span_start is not None:
            verdicts.append(False)
        else:
            stems = _stems(both) if stems is None else stems
            words = _stems(step.answer)
            verdicts.append(bool(words) and len(words & stems) < _LEAST_FOUND * len(words))
    return verdicts


def _verbatim(step: Step) -> bool:
    """Whether a span is as long as the answer that it grounds: then, nearly always, it is the answer itself. Not used
    for answers with a number, where one digit decides."""
    if step.span_start is None or step.span_end is None:
        return False
    return step.span_end - step.span_start == len(step.answer) and not any(c.isdigit() for c in step.answer)


def _same_number(number: str, known: set[str]) -> bool:
    """Whether a number is there, be it as a per cent value."""
    if number in known:
        return True
    try:
        value = float(number)
    except ValueError:
        return False
    return any(canonical(f"{other:.6f}") in known for other in (value * 100, value / 100))


def _stems(text: str) -> set[str]:
    return {word[:_STEM] for word in _CONTENT.findall(text.lower())}


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _said(text: str) -> str:
    """Like `_plain`, with the signs that make one formula differ from another."""
    return "".join(text.lower().split()).rstrip(".")
