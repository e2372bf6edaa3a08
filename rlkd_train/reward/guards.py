"""Signals that a reward is being gamed. Pure: they look at one scored completion, or at a run's last steps, and say
what they see; what follows (log, subtract, stop) is the settings' business.

A signal is evidence, not proof: tests/bench/guards_on_traces.py prints how often real traces give one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, pvariance

from rlkd_data.schema import Step
from rlkd_train.reward.again import again, said_again, words
from rlkd_train.reward.idle import idle
from rlkd_train.reward.injections import has_markers, talks_to_judge

COMPLETION_GUARDS = (
    "step_padding",
    "repeated_steps",
    "said_twice",
    "teacher_copy",
    "marker_injection",
    "judge_injection",
)
RUN_GUARDS = ("structure_without_accuracy", "no_variance")

_FILLER_STEPS, _FILLER_SHARE = 3, 0.4
_TIMES, _MORE = 3, 4
"""A completion has too many steps with more than 3 times as many as its longest teacher, and 4."""
_CALCULATION = re.compile(r"[\d\s.,+*/×÷()=-]+")
_IDLE_SHARE = 0.4
"""Of a completion with too many steps, those that find nothing or come again are so many at least; an honest one that
is only finer than its teacher has hardly any."""
_REPEATS, _REPEATED_WORDS, _REPEATED_SHARE = 2, 0.3, 0.4
_TWICE_WORDS, _TWICE_SHARE = 0.42, 0.45
"""Of a whole that is said twice half comes again, or nearly, where the GSRM read a step of it otherwise."""
GRAM = 8
"""Words of a phrase. Two people who solve the same problem share few phrases of eight words, beyond the problem's."""
_COPIED_SHARE, _COPIED_LEAST = 0.25, 12
SHORT = 3
"""Words of a short phrase: of a copy in which every seventh word is another, more than half of them are left."""
_SHORT_SHARE, _SHORT_LEAST = 0.45, 12


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
        "said_twice": repeated(seen.steps, _TWICE_WORDS, _TWICE_SHARE),
        "teacher_copy": copied(seen.text, seen.teacher_grams),
        "marker_injection": has_markers(seen.text),
        "judge_injection": talks_to_judge(seen.text),
    }
    return tuple(name for name in COMPLETION_GUARDS if found[name])


def padded(problem: str, steps: Sequence[Step], teacher_steps: int) -> bool:
    """Whether steps are there for their number: so many of them find out nothing (`idle`), or there are many more than
    the longest teacher has, of which fewer find nothing, come again or calculate with what is neither given nor found.
    """
    nothing = [one is not None for one in idle(problem, steps)]
    if teacher_steps and len(steps) > most_steps(teacher_steps):
        spare = zip(nothing, again(steps), _foreign(problem, steps), strict=True)
        return sum(map(any, spare)) >= _IDLE_SHARE * len(steps)
    return sum(nothing) >= max(_FILLER_STEPS, _FILLER_SHARE * len(steps))


def _foreign(problem: str, steps: Sequence[Step]) -> Iterator[bool]:
    """For each step, whether it is nothing but a calculation, and with no number that is given or was found before."""
    known = set(re.findall(r"\d+", problem))
    for step in steps:
        numbers = re.findall(r"\d+", step.answer)
        yield _CALCULATION.fullmatch(step.answer) is not None and not known & set(numbers[:-1])
        known |= set(numbers)


def most_steps(teacher_steps: int) -> int:
    """How many steps of a completion the signals look at: with one more it has too many, whatever they are."""
    return _TIMES * teacher_steps + _MORE


def repeated(steps: Sequence[Step], words: float = _REPEATED_WORDS, count: float = _REPEATED_SHARE) -> bool:
    """Whether steps come again (`again`): at least two, which are such a share of the words of all answers; or such a
    share of the steps, where they have half of those words."""
    found = again(steps)
    said = said_again(steps, found)
    often = sum(found) >= count * len(steps) and said >= words / 2
    return sum(found) >= _REPEATS and (said >= words or often)


def copied(text: str, teacher_grams: frozenset[tuple[str, ...]]) -> bool:
    """Whether a text is made of a teacher's phrases: a quarter of its long ones, and at least twelve; or nearly
    half of the short ones of either, as where words were changed here and there, or others put in front."""
    if not teacher_grams:
        return False
    own = grams(text)
    shared = len(own & teacher_grams)
    if shared >= _COPIED_LEAST and shared >= _COPIED_SHARE * len(own):
        return True
    own = grams(text, SHORT)
    theirs = [gram for gram in teacher_grams if len(gram) == SHORT]
    shared = len(own.intersection(theirs))
    return shared >= _SHORT_LEAST and shared >= _SHORT_SHARE * min(len(own), len(theirs))


def phrases(problem: str, teachers: Sequence[str]) -> frozenset[tuple[str, ...]]:
    """The phrases of the teachers' texts that the problem itself does not have."""
    both = [grams(text, size) for text in teachers for size in (GRAM, SHORT)]
    return frozenset().union(*both) - grams(problem) - grams(problem, SHORT)


def grams(text: str, size: int = GRAM) -> frozenset[tuple[str, ...]]:
    """Every run of so many words of a text."""
    found = words(text)
    return frozenset(tuple(found[i : i + size]) for i in range(len(found) - size + 1))


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
