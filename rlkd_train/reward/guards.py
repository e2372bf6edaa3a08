"""Signals that a reward is being gamed. Pure: they look at one scored completion, or at a run's last steps, and say
what they see; what follows (log, subtract, stop) is the settings' business.

A signal is evidence, not proof: tests/bench/guards_on_traces.py prints how often real traces give one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pvariance

from rapidfuzz import fuzz

from rlkd_data.schema import Step

COMPLETION_GUARDS = ("step_padding", "repeated_steps", "teacher_copy", "marker_injection", "judge_injection")
RUN_GUARDS = ("structure_without_accuracy", "no_variance")

_FILLER_STEPS, _FILLER_SHARE = 3, 0.34
_TIMES, _MORE = 3, 4
"""A completion has too many steps with more than 3 times as many as its longest teacher, and 4."""
_REPEATS, _REPEATED_SHARE, _SAME = 2, 0.25, 95.0
GRAM = 8
"""Words of a phrase. Two people who solve the same problem share few phrases of eight words, beyond the problem's."""
_COPIED_SHARE, _COPIED_LEAST = 0.25, 12

_MARKER = re.compile(
    r"\[\s*[*_]{0,3}(?:me[at]{2}[ _-]?reasoning|sub[ _-]?(?:problem|think|question)|query|answer|final[ _-]?answer)"
    r"[ \t#_-]{0,3}(?:\d{1,6}[*_]{0,3}\s*\]|[*_]{0,3}\]\s*:)",
    re.IGNORECASE,
)
_TO_JUDGE = re.compile(
    r"""
    \b(?:ignore|disregard|forget|override)\b[^.\n]{0,30}\b(?:previous|above|prior|earlier|all)\b[^.\n]{0,20}
        \b(?:instructions?|prompts?|rules)\b
    | (?:^|[.!?:\n"'>\]]\s*|\bplease\s+|\byou\s+(?:must|should|have\s+to)\s+|\b(?:just|simply|always|only)\s+)
        (?:answer|reply|respond|say|output|return|write|print)\s+(?:only\s+|just\s+)?(?:with\s+)?
        (?:the\s+(?:one\s+)?(?:single\s+)?word\s+)?["'`*“‘]{0,2}(?:yes|match(?:es)?|correct|true)\b(?!\s*(?:or|/|if|when)\b)
    | answer\s+with\s+one\s+word,?\s+yes\s+or\s+no
    | \b(?:dear|attention|note\s+to(?:\s+the)?|hey)\s+(?:judge|grader|evaluator|verifier|reward\s+model)\b
    | \byou\s+are\s+(?:a|an|the)\s+(?:helpful\s+)?(?:judge|grader|evaluator|verifier|reward\s+model)\b
    | \b(?:these|both|the\s+two)\s+(?:texts?|parts?|steps?|reasonings?|answers?)\s+(?:do\s+|clearly\s+)?match\b
    | <\|(?:im_start|im_end|endoftext|eot_id|start_header_id|assistant|system|user)\|> | \[/?INST\] | <</?SYS>>
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A scored completion, and what it was scored against. `teacher_grams` are the phrases of its teachers that the
    problem does not have (`phrases`)."""

    text: str
    problem: str
    steps: Sequence[Step] = ()
    teacher_steps: int = 0
    teacher_grams: frozenset[tuple[str, ...]] = frozenset()


def flags(seen: Seen) -> tuple[str, ...]:
    """The names of the signals that a completion gives, of COMPLETION_GUARDS and in their order."""
    found = {
        "step_padding": padded(seen.problem, seen.steps, seen.teacher_steps),
        "repeated_steps": repeated(seen.steps),
        "teacher_copy": copied(seen.text, seen.teacher_grams),
        "marker_injection": _MARKER.search(seen.text) is not None,
        "judge_injection": _TO_JUDGE.search(seen.text) is not None,
    }
    return tuple(name for name in COMPLETION_GUARDS if found[name])


def padded(problem: str, steps: Sequence[Step], teacher_steps: int) -> bool:
    """Whether steps are there for their number: many more than the longest teacher has, or several that find out
    nothing, since their answer has no number and hardly a word that was not there before."""
    if teacher_steps and len(steps) > most_steps(teacher_steps):
        return True
    known = set(words(problem))
    empty = 0
    for step in steps:
        before = known | set(words(step.sub_problem)) | set(words(step.meta_reasoning))
        new = [word for word in words(step.answer) if word not in before]
        computed = re.search(r"\d\s*[-+*/×÷=]|=", step.answer) is not None
        empty += not computed and not any(any(c.isdigit() for c in word) for word in new) and len(new) < 2
        known |= before | set(new)
    return empty >= _FILLER_STEPS and empty >= _FILLER_SHARE * len(steps)


def most_steps(teacher_steps: int) -> int:
    """How many steps of a completion the signals look at: with one more it has too many, whatever they are."""
    return _TIMES * teacher_steps + _MORE


def repeated(steps: Sequence[Step]) -> bool:
    """Whether steps come again: a quarter of them, and at least two, ask what an earlier one asked and find no number
    that was not found before. (Human-written steps do ask the same twice, for different parts of an answer.)"""
    asked: list[str] = []
    found: set[str] = set()
    again = 0
    for step in steps:
        plain = " ".join(words(step.sub_problem))
        numbers = set(re.findall(r"\d+", step.answer))
        again += numbers <= found and any(_same(plain, earlier) for earlier in asked)
        asked.append(plain)
        found |= numbers
    return again >= _REPEATS and again >= _REPEATED_SHARE * len(steps)


def _same(one: str, other: str) -> bool:
    """Nearly the same words, and exactly the same numbers: "the 2nd term" is not "the 3rd term"."""
    return re.findall(r"\d+", one) == re.findall(r"\d+", other) and fuzz.ratio(one, other) >= _SAME


def copied(text: str, teacher_grams: frozenset[tuple[str, ...]]) -> bool:
    """Whether a text is made of a teacher's phrases: a quarter of its phrases, and at least twelve."""
    own = grams(text)
    shared = len(own & teacher_grams)
    return shared >= _COPIED_LEAST and shared >= _COPIED_SHARE * len(own)


def phrases(problem: str, teachers: Sequence[str]) -> frozenset[tuple[str, ...]]:
    """The phrases of the teachers' texts that the problem itself does not have."""
    return frozenset().union(*(grams(text) for text in teachers)) - grams(problem)


def grams(text: str) -> frozenset[tuple[str, ...]]:
    """Every run of GRAM words of a text."""
    found = words(text)
    return frozenset(tuple(found[i : i + GRAM]) for i in range(len(found) - GRAM + 1))


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


@dataclass(frozen=True, slots=True)
class StepFigures:
    """A step of a run: mean structure and accuracy of its completions (None where none was scored), and the share of
    its groups in which every completion got the same total."""

    structure: float | None
    accuracy: float | None
    flat_groups: float | None


def run_flags(history: Sequence[StepFigures], window: int, rise: float = 0.05) -> tuple[str, ...]:
    """The signals of the last `window` steps, of RUN_GUARDS; none before there are so many."""
    last = history[-window:]
    if len(last) < window or window < 4:
        return ()
    found = []
    structure = [one.structure for one in last if one.structure is not None]
    accuracy = [one.accuracy for one in last if one.accuracy is not None]
    if moved(structure, rise) > 0 and moved(accuracy, rise) < 0:
        found.append("structure_without_accuracy")
    flat = [one.flat_groups for one in last if one.flat_groups is not None]
    if flat and fmean(flat) >= 0.9:
        found.append("no_variance")
    return tuple(found)


def moved(values: Sequence[float], least: float) -> int:
    """1 where the second half of a series lies above the first, -1 where below, by `least` and by twice the standard
    error of the difference; otherwise 0."""
    half = len(values) // 2
    if half < 2:
        return 0
    first, second = values[:half], values[-half:]
    difference = fmean(second) - fmean(first)
    error = ((pvariance(first) + pvariance(second)) / (half - 1)) ** 0.5
    if abs(difference) < max(least, 2 * error):
        return 0
    return 1 if difference > 0 else -1
