"""Two ways to the same scores, side by side: where they part, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rlkd_data.schema import Step
from rlkd_data.structure.align import PairKey
from rlkd_data.structure.names import PARTS, PartName
from rlkd_train.reward.scorer import PairVerdict, Structure
from tests.support.reference_pattern import Trail
from tests.support.reward_cases import Case
from tests.support.same_questions import UNREAD

FAILED, UNSCORED = "the reference failed: a 0 there", "unscored in ours"
TEACHER, STUDENT = "another teacher decomposition", "another student decomposition"
FREE, WORD, JUDGE = "decided for free in ours", "a reply without yes or no", "the judge answered otherwise"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Ways:
    """One batch by the reference's pattern (`trails`) and by ours (`structures`), completion by completion."""

    cases: Sequence[Case]
    trails: Sequence[Trail]
    structures: Sequence[Structure]

    def lines(self) -> list[tuple[str, str]]:
        """The table: what is compared, and of how many it holds."""
        both = self._both()
        decomposed = [n for n in range(len(self.cases)) if self.trails[n].student and self.structures[n].steps]
        pairs = [pair for n in decomposed for pair in self._pairs(n)]
        alike = [pair for n in decomposed if self._same_teacher(n) and self._same_student(n) for pair in self._pairs(n)]
        ours = [one for structure in self.structures for one in structure.verdicts if one.match is not None]
        free = Counter(one.how.partition(" ")[0] for one in ours if is_free(one))
        named = f" ({', '.join(f'{name} {count}' for name, count in free.most_common())})" if free else ""
        return [
            ("scored by both", share(len(both), len(self.cases))),
            ("  mean of these, reference", mean([self.trails[n].score for n in both])),
            ("  mean of these, ours", mean([self.structures[n].score or 0.0 for n in both])),
            ("same score, of these", share(sum(self._same_score(n) for n in both), len(both))),
            (
                "same teacher steps, of those decomposed by both",
                share(sum(map(self._same_teacher, decomposed)), len(decomposed)),
            ),
            (
                "same student steps, of those decomposed by both",
                share(sum(map(self._same_student, decomposed)), len(decomposed)),
            ),
            ("same verdict, of pairs judged by both", agreement(pairs)),
            ("same verdict, where all steps are the same", agreement(alike)),
            ("  of these decided for free in ours", agreement([pair for pair in alike if is_free(pair[1])])),
            ("  of these decided by the judge in ours", agreement([pair for pair in alike if not is_free(pair[1])])),
            ("decided for free in ours", share(sum(free.values()), len(ours)) + named),
            *((f"other score because: {why}", str(count)) for why, count in self.causes().most_common()),
        ]

    def causes(self) -> Counter[str]:
        """Why completions have other scores: the first thing on the way to a score that differs."""
        return Counter(why for n in range(len(self.cases)) if (why := self.cause(n)) is not None)

    def cause(self, n: int) -> str | None:
        """Why completion `n` has another score; None where it has the same."""
        if self.structures[n].score is None:
            return UNSCORED
        if self.trails[n].failed is not None:
            return FAILED
        if self._same_score(n):
            return None
        if not (self._same_teacher(n) and self._same_student(n)):
            return STUDENT if self._same_teacher(n) else TEACHER
        parted = (pair for pair in self._pairs(n) if bool(pair[0].match) != bool(pair[1].match))
        return next((_why(theirs, ours) for theirs, ours in parted), UNKNOWN)

    def _both(self) -> list[int]:
        return [
            n
            for n, (trail, structure) in enumerate(zip(self.trails, self.structures, strict=True))
            if trail.failed is None and structure.score is not None
        ]

    def _same_score(self, n: int) -> bool:
        score = self.structures[n].score
        return score is not None and abs(self.trails[n].score - score) < 1e-9

    def _same_teacher(self, n: int) -> bool:
        return texts(self.trails[n].teacher) == texts(self.cases[n].teacher_steps)

    def _same_student(self, n: int) -> bool:
        return texts(self.trails[n].student) == texts(self.structures[n].steps)

    def _pairs(self, n: int) -> list[tuple[_Said, _Said]]:
        """The verdicts that both sides came to, in the order of steps and parts."""
        ours = {_key(one): one for one in self.structures[n].verdicts}
        theirs = self.trails[n].verdicts
        keys = sorted(ours.keys() & theirs.keys(), key=lambda key: (key.index, PARTS.index(key.part)))
        return [(_Said(theirs[key].match, theirs[key].how), _Said(ours[key].match, ours[key].how)) for key in keys]


@dataclass(frozen=True, slots=True)
class _Said:
    match: bool | None
    how: str


def _why(theirs: _Said, ours: _Said) -> str:
    if is_free(ours) and theirs.how != ours.how:
        return FREE
    return WORD if theirs.how == UNREAD else JUDGE


def is_free(verdict: PairVerdict | _Said) -> bool:
    """Whether no model was asked."""
    return not verdict.how.startswith(("llm", "embedding"))


def texts(steps: Sequence[Step]) -> list[tuple[str, str, str]]:
    return [(step.meta_reasoning, step.sub_problem, step.answer) for step in steps]


def share(some: int, of: int) -> str:
    return f"{some} of {of}" + (f" ({some / of:.0%})" if of else "")


def agreement(pairs: Sequence[tuple[_Said, _Said]]) -> str:
    return share(sum(theirs.match is ours.match for theirs, ours in pairs), len(pairs))


def mean(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):.4f}" if values else "-"


def _key(verdict: PairVerdict) -> PairKey:
    part: PartName = next(part for part in PARTS if part == verdict.part)
    return PairKey(verdict.step, part)
