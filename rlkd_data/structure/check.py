"""Validators of a decomposition: codes, not prose, so that counts of them mean the same everywhere.

`check` looks at the steps alone, `check_against_trace` at the steps beside the trace that they were taken from. What a
code leads to (rejection, or a flag in the row's `issues`) is the caller's setting; `REJECTING` is the default.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rapidfuzz import fuzz

from rlkd_data.schema import Step
from rlkd_data.structure.bare import bare
from rlkd_data.structure.fits import Similar, metas_off, off_by_one
from rlkd_data.structure.general import STEM, general, stems
from rlkd_data.structure.ground import coverage, longest_gap, ordered
from rlkd_data.structure.names import CODES, LEAST_COVERAGE, LONGEST_GAP, LONGEST_STRETCH, Issue
from rlkd_data.structure.numbers import canonical, numbers, numbers_of_text, result_of
from rlkd_data.structure.spans import longest_stretch, on_one_place, order

_QUOTED = re.compile(r"\"[^\"\n]*\"|“[^”\n]*”|'[^'\n]*\?'|`[^`\n]*`|\([^()\n]*\)")
_ASKS = r"\b(?:how|what|which|who|whom|when|where|why)\b"
_FIRST_QUESTION = re.compile(rf"{_ASKS}.*?\w.*?\b\w", re.IGNORECASE)
"""Up to the second word of a question, at least."""
_SECOND_QUESTION = re.compile(rf"\s(?=(?:and|or)\s+{_ASKS}(?:\s+\w+){{2}})", re.IGNORECASE)
_GENERAL = general(STEM)
_LEAST_FOUND = 0.5
_TELLING = 4
"""Words of an answer from which it can be told that the trace has none of it."""
LEAST_ORDER = 0.5
"""Kendall's tau under which steps stand in another order than their trace."""
SHORT_STRETCH = 430
"""Characters of a trace that may stand without a step's place whatever share of it they are: what two steps of a few
sentences each leave between the sentences that they quote. Of 90 traces cut to 500 characters, 2 to 3 % of faithful
decompositions have a longer one; so a part left out of so short a trace is not told."""
BEFORE, BEHIND = 300, 50
"""Characters around a step's place in which its number is looked for."""
_LONG = 40
"""Characters of an answer that two steps do not have in common by chance."""
_TWICE = 16
"""Characters of an answer that a trace can be seen to say in two places."""
_TWICE_SAID = 12
"""Characters, without spaces, of a passage that a trace can be seen to say twice."""
_WHOLE = 0.6
"""Share of an answer's length that its place must have, for its numbers to be looked for there."""
_GIVEN = 20
_GIVEN_WORDS = 4
_CONTAINED = 92.0


def check(
    steps: Sequence[Step], problem: str = "", similar: Similar | None = None, *, reasoning: str = ""
) -> tuple[Issue, ...]:
    """The codes of everything that is wrong with these steps in themselves, each once, in a fixed order.

    - no_steps, empty_part, numbering (indices are not 1 … n)
    - duplicate_steps: two steps are one (`duplicates`)
    - several_questions: a sub-problem asks more than one thing
    - meta_gives_answer: a step's meta-reasoning gives its answer away (`gives_answer`)
    - question_elsewhere: the sub-problems stand one step off their answers, by `similar` or by their words (`fits`)
    - meta_elsewhere: the meta-reasonings stand one step off their sub-problems
    """
    found: list[Issue] = []
    if not steps:
        found.append("no_steps")
    if [step.index for step in steps] != list(range(1, len(steps) + 1)):
        found.append("numbering")
    if any(not part.strip() for step in steps for part in (step.meta_reasoning, step.sub_problem, step.answer)):
        found.append("empty_part")
    if duplicates(steps, reasoning):
        found.append("duplicate_steps")
    if any(asks_several(step.sub_problem) for step in steps):
        found.append("several_questions")
    if any(gives_answer(steps, problem)):
        found.append("meta_gives_answer")
    if off_by_one(steps, similar):
        found.append("question_elsewhere")
    elif metas_off(steps, similar):
        found.append("meta_elsewhere")
    return tuple(found)


def check_against_trace(
    steps: Sequence[Step],
    reasoning: str,
    problem: str = "",
    *,
    least_coverage: float = LEAST_COVERAGE,
    gap: float | None = LONGEST_GAP,
    stretch: float = LONGEST_STRETCH,
) -> tuple[Issue, ...]:
    """The codes of everything that is wrong with grounded steps beside their trace.

    - invented_answer: what an answer arrives at is not in the trace: its number, or, without one, most of its words
    - out_of_order: the steps that were found do not all stand in the trace in their order: a note
    - disordered: their order is another one than the trace's
    - uncovered: a stretch of more than `stretch` of the trace, and of some length, has no step; or, where it is asked
      for, the steps account for less than `least_coverage` of the trace, or for none of `gap` characters on end
    - number_elsewhere: the number that an answer arrives at stands in the trace, but not near the step's place
    """
    if not steps:
        return ()
    found: list[Issue] = []
    if any(invented(steps, reasoning, problem)):
        found.append("invented_answer")
    if not ordered(steps):
        found.append("out_of_order")
    if (tau := order(steps)) is not None and tau < LEAST_ORDER:
        found.append("disordered")
    length = len(reasoning)
    longest = longest_stretch(steps, length)
    missed = longest is not None and (longest == 1.0 or longest * length > max(SHORT_STRETCH, stretch * length))
    missed |= least_coverage > 0 and (coverage(steps, length) or 0.0) < least_coverage
    missed |= gap is not None and longest_gap(steps, length) > gap
    if length and missed:
        found.append("uncovered")
    if any(elsewhere(steps, reasoning)):
        found.append("number_elsewhere")
    return tuple(found)


def duplicates(steps: Sequence[Step], reasoning: str = "") -> list[int]:
    """The numbers (from 0) of steps that are an earlier one over again: they answer the same at some length, or ask and
    answer the same, unless the trace says it in two places; or they say the same of the same place."""
    seen: dict[tuple[str, str], list[Step]] = {}
    found = set(on_one_place(steps))
    for number, step in enumerate(steps):
        said = _said(step.answer)
        asked = "" if len(said) >= _LONG else bare(step.sub_problem)
        same = seen.setdefault((asked, said), [])
        if any(not _apart(one, step, reasoning) for one in same):
            found.add(number)
        same.append(step)
    return sorted(found)


def gives_answer(steps: Sequence[Step], problem: str = "") -> list[bool]:
    """For each step, whether its meta-reasoning gives its answer away: the number that it arrives at, where neither the
    problem nor an earlier step has it; or its words, most of them in a row."""
    known = numbers(problem)
    verdicts: list[bool] = []
    for step in steps:
        known |= numbers(step.sub_problem)
        result = result_of(step.answer)
        by_number = result is not None and result not in known and result in numbers(step.meta_reasoning)
        said = result is None or result in numbers(step.meta_reasoning)
        verdicts.append(by_number or (said and _contained(step.answer, step.meta_reasoning)))
        known |= numbers(step.answer) | numbers(step.meta_reasoning)
    return verdicts


def elsewhere(steps: Sequence[Step], reasoning: str) -> list[bool]:
    """For each step whose place is known, whether a number that its answer arrives at or ends with does not stand near
    that place."""
    verdicts: list[bool] = []
    for step in steps:
        stated = _stated(step.answer)
        if step.span_start is None or step.span_end is None or not stated or _in_part(step):
            verdicts.append(False)
            continue
        near = numbers_of_text(reasoning[max(0, step.span_start - BEFORE) : step.span_end + BEHIND])
        verdicts.append(not all(_same_number(number, near) for number in stated))
    return verdicts


def in_order(codes: Iterable[str]) -> tuple[str, ...]:
    """Codes without repetition: known ones in their fixed order, then the others as they came."""
    given = tuple(dict.fromkeys(codes))
    return (*(code for code in CODES if code in given), *(code for code in given if code not in CODES))


def asks_several(question: str) -> bool:
    """Whether a sub-problem holds more than one question; what stands in quotes or brackets does not count."""
    unquoted = _QUOTED.sub(" ", question)
    if len(re.findall(r"\?+", unquoted)) > 1:
        return True
    for second in _SECOND_QUESTION.finditer(unquoted):
        clause = re.split(r"[?\n]", unquoted[: second.start()])[-1]
        if _FIRST_QUESTION.search(clause) is not None:
            return True
    return False


def invented(steps: Sequence[Step], reasoning: str, problem: str = "") -> list[bool]:
    """For each step, whether its answer cannot come from the trace or the problem."""
    both = f"{reasoning}\n{problem}"
    known: set[str] | None = None
    there: set[str] | None = None
    verdicts: list[bool] = []
    for step in steps:
        stated = _stated(step.answer)
        if _verbatim(step):
            verdicts.append(False)
        elif stated:
            known = numbers_of_text(both) if known is None else known
            verdicts.append(not all(_same_number(number, known) for number in stated))
        elif step.span_start is not None:
            verdicts.append(False)
        else:
            there = _telling(both) if there is None else there
            words = _telling(step.answer)
            verdicts.append(len(words) >= _TELLING and len(words & there) < _LEAST_FOUND * len(words))
    return verdicts


def _in_part(step: Step) -> bool:
    """Whether only a part of an answer was found."""
    return (step.span_end or 0) - (step.span_start or 0) < _WHOLE * len(step.answer)


def _apart(one: Step, other: Step, reasoning: str) -> bool:
    """Whether two steps that read the same stand in two places of the trace that read the same; without the trace, that
    is taken for so of places as long as the answers."""
    if one.span_start is None or other.span_start is None or one.span_end is None or other.span_end is None:
        return False
    if min(one.span_end, other.span_end) - max(one.span_start, other.span_start) > 0:
        return False
    if reasoning:
        said = [_said(reasoning[s.span_start : s.span_end]) for s in (one, other)]
        return min(map(len, said)) >= _TWICE_SAID and (said[0] in said[1] or said[1] in said[0])
    lengths = (one.span_end - one.span_start, other.span_end - other.span_start)
    return lengths == (len(one.answer), len(other.answer)) and min(lengths) >= _TWICE


def _contained(answer: str, meta: str) -> bool:
    said, before = bare(answer), bare(meta)
    if len(said) < _GIVEN or said.count(" ") + 1 < _GIVEN_WORDS or len(before) < 0.9 * len(said):
        return False
    return said in before or fuzz.partial_ratio(said, before, score_cutoff=_CONTAINED) > 0


def _verbatim(step: Step) -> bool:
    """Whether a span is as long as the answer that it grounds: then, nearly always, it is the answer itself. Not used
    for answers with a number, where one digit decides."""
    if step.span_start is None or step.span_end is None:
        return False
    return step.span_end - step.span_start == len(step.answer) and not any(c.isdigit() for c in step.answer)


def _stated(answer: str) -> set[str]:
    """The number that an answer arrives at, and the last in it."""
    return {number for number in (result_of(answer), result_of(answer.rpartition("=")[2])) if number is not None}


def _same_number(number: str, known: set[str]) -> bool:
    """Whether a number is there, be it as a per cent value."""
    if number in known:
        return True
    try:
        value = float(number)
    except ValueError:
        return False
    return any(canonical(f"{other:.6f}") in known for other in (value * 100, value / 100))


def _telling(text: str) -> set[str]:
    return stems(text) - _GENERAL


def _said(text: str) -> str:
    """Like `bare`, with the signs that make one formula differ from another."""
    return "".join(text.lower().split()).rstrip(".")
