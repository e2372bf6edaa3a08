"""What a judge takes and gives."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rlkd_data.structure.names import AskedName


@dataclass(frozen=True, slots=True)
class Said:
    """What a step asks, and what it answers."""

    question: str
    answer: str

    @property
    def text(self) -> str:
        return f"{self.question}\n{self.answer}"


@dataclass(frozen=True, slots=True)
class Pair:
    """The same part of a teacher's and a student's step, and the problem that both are about.

    Pairs of one comparison share a `group`: a judge may ask about them together. It tells nothing of the texts, so it
    is no part of what makes two pairs equal. Where the part is the whole `step`, `steps` hold question and answer of
    both sides apart; see `step_pair` and `attempt_pair`.
    """

    part: AskedName
    teacher: str
    student: str
    problem: str
    group: Hashable = field(default=None, compare=False)
    steps: tuple[Said, Said] | None = None


def step_pair(teacher: Said, student: Said, problem: str, group: Hashable = None) -> Pair:
    """Whether two whole steps are the same: they ask for the same thing, and arrive at the same."""
    return Pair("step", teacher.text, student.text, problem, group, (teacher, student))


def attempt_pair(teacher: Said, student: Said, problem: str, group: Hashable = None) -> Pair:
    """Whether two steps whose answers differ are after the same."""
    return Pair("attempt", teacher.question, student.question, problem, group, (teacher, student))


def answers_of(pair: Pair) -> Pair:
    """The pair of the answers of two whole steps. Raises ValueError where the pair is about a part."""
    if pair.steps is None:
        raise ValueError(f"a pair about {pair.part} has no steps")
    teacher, student = pair.steps
    return Pair("answer", teacher.answer, student.answer, pair.problem, pair.group)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the two match. None: not known, and `how` says why; otherwise `how` names what decided. `free`: no model
    was asked. `score` is what a judge compared with its threshold (cosine, probability of yes), where it does.
    `failed`: no reply came, so that another time there may be a verdict."""

    match: bool | None
    how: str
    free: bool = False
    score: float | None = field(default=None, compare=False)
    failed: bool = field(default=False, compare=False)


class Judge(Protocol):
    """Says whether pairs match. `whole`: it is best asked about all pairs of a comparison at once, not window by
    window, because one request holds them all."""

    whole: bool

    async def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """A verdict for each pair, in order. Raises Hopeless where no pair will ever get one (a wrong key)."""

    async def close(self) -> None: ...
