"""A student's steps beside one teacher's: what a judge is asked, in which order, and what comes of its verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from rlkd_data.judges.base import Pair, Said, Verdict, attempt_pair, step_pair
from rlkd_data.judges.blocks import blocks
from rlkd_data.judges.found import NO_RESULT
from rlkd_data.schema import Decomposition, Step
from rlkd_data.structure import step_gate
from rlkd_data.structure.align import Alignment, PairKey, align, compared, every, in_vain, needed, text_of
from rlkd_data.structure.sequence import Matched, Spans, in_sequence

Gate = Literal["meta", "step", "none"]
Align = Literal["positional", "sequence"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict as it is kept: about part `part` of the student's step `step` and the teacher's step `beside`, both
    from 1."""

    step: int
    beside: int
    part: str
    verdict: Verdict


class Comparison(Protocol):
    """Asked until nothing is open."""

    teacher: Decomposition

    def open_pairs(self, lookahead: int | None) -> list[tuple[object, Pair | Verdict]]:
        """What is to be known next, by key: a pair for the judge, or the verdict where none is needed."""

    def take(self, key: object, verdict: Verdict) -> None: ...

    def alignment(self) -> Alignment | Matched: ...

    def judged(self) -> list[Judged]: ...

    @property
    def asked(self) -> int:
        """How many pairs a judge was asked about."""

    @property
    def wasted(self) -> int:
        """How many of these did not count, as they lie behind the gate."""


@dataclass(slots=True)
class Positional:
    """Step by step (`structure.align`, or `structure.step_gate` where the gate asks for whole steps). `nothing` says of
    steps of the student why their answer is none."""

    teacher: Decomposition
    student: tuple[Step, ...]
    problem: str
    nothing: Mapping[int, str] = field(default_factory=dict)
    gate: Gate = "meta"
    verdicts: dict[PairKey, Verdict] = field(default_factory=dict)

    def open_pairs(self, lookahead: int | None) -> list[tuple[object, Pair | Verdict]]:
        count = compared(self.teacher.steps, self.student)
        if self.gate == "step":
            keys = list(step_gate.needed(count, self._matches(), lookahead or max(1, count)))
        elif lookahead is None:
            keys = [key for key in every(count) if key not in self.verdicts]
        else:
            keys = list(needed(count, self._matches(), lookahead))
        return [(key, self._settled(key) or self._pair(key)) for key in keys]

    def take(self, key: object, verdict: Verdict) -> None:
        assert isinstance(key, PairKey)
        self.verdicts[key] = verdict

    def alignment(self) -> Alignment:
        if self.gate == "step":
            return step_gate.align(self.teacher.steps, self.student, self._matches(), self._empty())
        return align(self.teacher.steps, self.student, self._matches())

    def judged(self) -> list[Judged]:
        found = sorted(self.verdicts.items(), key=lambda item: item[0].index)
        return [Judged(key.index, key.index, key.part, verdict) for key, verdict in found]

    @property
    def asked(self) -> int:
        return len(self._asked())

    @property
    def wasted(self) -> int:
        alignment = self.alignment()
        if self.gate == "step":
            return sum(alignment.gate_at is not None and key.index > alignment.gate_at for key in self._asked())
        return in_vain(alignment, self._asked())

    def _asked(self) -> list[PairKey]:
        return [key for key, verdict in self.verdicts.items() if not verdict.free]

    def _matches(self) -> dict[PairKey, bool | None]:
        return {key: verdict.match for key, verdict in self.verdicts.items()}

    def _empty(self) -> set[int]:
        none = {key.index for key, verdict in self.verdicts.items() if verdict.how == NO_RESULT}
        return none | set(self.nothing)

    def _settled(self, key: PairKey) -> Verdict | None:
        """The verdict about a pair that needs no judge: an answer that is none matches nothing."""
        why = self.nothing.get(key.index) if key.part in ("answer", "step") else None
        return Verdict(False, why, free=True) if why is not None else None

    def _pair(self, key: PairKey) -> Pair:
        teacher, student = self.teacher.steps[key.index - 1], self.student[key.index - 1]
        if key.part in ("step", "attempt"):
            return whole_pair(key.part == "attempt", teacher, student, self.problem, id(self))
        part: Literal["meta", "sub_problem", "answer"] = key.part  # type: ignore[assignment]
        return Pair(part, text_of(teacher, part), text_of(student, part), self.problem, id(self))


@dataclass(frozen=True, slots=True)
class Cell:
    """Teacher step `i` and student step `j`, from 0; `attempt`: whether they are after the same."""

    i: int
    j: int
    attempt: bool = False


@dataclass(slots=True)
class InSequence:
    """Steps matched in order, wherever they stand (`structure.sequence`): every teacher step is compared with every
    student step, most of them for nothing, as their numbers differ; what is left over between two matches is then asked
    whether it is after the same."""

    teacher: Decomposition
    student: tuple[Step, ...]
    problem: str
    nothing: Mapping[int, str] = field(default_factory=dict)
    gate: Gate = "none"
    verdicts: dict[Cell, Verdict] = field(default_factory=dict)
    _blocks: tuple[Spans, ...] | None = None

    def open_pairs(self, lookahead: int | None) -> list[tuple[object, Pair | Verdict]]:
        whole = [Cell(i, j) for i in range(len(self.teacher.steps)) for j in range(len(self.student))]
        keys = [cell for cell in whole if cell not in self.verdicts] or self._left_over()
        return [(key, self._settled(key) or self._pair(key)) for key in keys]

    def take(self, key: object, verdict: Verdict) -> None:
        assert isinstance(key, Cell)
        self.verdicts[key] = verdict

    def alignment(self) -> Matched:
        n_teacher, n_student, gate = len(self.teacher.steps), len(self.student), self.gate != "none"
        found = in_sequence(n_teacher, n_student, self._credits(unknown=False), gate=gate)
        unknown = next((cell for cell, verdict in self.verdicts.items() if verdict.match is None), None)
        if unknown is None:
            return found
        hoped = in_sequence(n_teacher, n_student, self._credits(unknown=True), gate=gate)
        if hoped.f_score <= found.f_score:
            return found  # whatever the verdict had been, the score is the same
        key = PairKey(unknown.j + 1, "attempt" if unknown.attempt else "step")
        return Matched(found.blocks, n_teacher, n_student, found.gate_at, key)

    def judged(self) -> list[Judged]:
        """The verdicts that count: those of the chosen blocks and of what is left over, not of every cell."""
        chosen = {
            (i, j) for block in self.alignment().blocks for i in range(*block.teacher) for j in range(*block.student)
        }
        kept = [
            (cell, verdict)
            for cell, verdict in self.verdicts.items()
            if verdict.match is None or cell.attempt or (cell.i, cell.j) in chosen
        ]
        return [Judged(c.j + 1, c.i + 1, "attempt" if c.attempt else "step", verdict) for c, verdict in kept]

    @property
    def asked(self) -> int:
        return sum(not verdict.free for verdict in self.verdicts.values())

    @property
    def wasted(self) -> int:
        return 0

    def _credits(self, *, unknown: bool) -> dict[Spans, float]:
        found: dict[Spans, float] = dict.fromkeys(self._several(), 1.0)
        for cell, verdict in self.verdicts.items():
            if verdict.match or (unknown and verdict.match is None):
                spans = (cell.i, cell.i + 1), (cell.j, cell.j + 1)
                found[spans] = max(found.get(spans, 0.0), self._elsewhere(cell) if cell.attempt else 1.0)
        return found

    def _elsewhere(self, cell: Cell) -> float:
        whole = self.verdicts[Cell(cell.i, cell.j)]
        empty = cell.j + 1 in self.nothing or whole.how == NO_RESULT
        return step_gate.NOWHERE if empty else step_gate.ELSEWHERE

    def _several(self) -> tuple[Spans, ...]:
        if self._blocks is None:
            stated = [j for j in range(len(self.student)) if j + 1 not in self.nothing]
            found = blocks(self.teacher.steps, self.student, self.problem)
            self._blocks = tuple(spans for spans in found if all(j in stated for j in range(*spans[1])))
        return self._blocks

    def _left_over(self) -> list[Cell]:
        """Steps of both sides between two matches, which may be after the same."""
        chosen = in_sequence(len(self.teacher.steps), len(self.student), self._credits(unknown=False)).blocks
        edges = [(0, 0), *((block.teacher[1], block.student[1]) for block in chosen if block.credit == 1.0)]
        ends = [(b.teacher[0], b.student[0]) for b in chosen if b.credit == 1.0]
        ends.append((len(self.teacher.steps), len(self.student)))
        cells = [
            Cell(i, j, attempt=True)
            for (low_i, low_j), (high_i, high_j) in zip(edges, ends, strict=True)
            for i in range(low_i, high_i)
            for j in range(low_j, high_j)
        ]
        return [cell for cell in cells if cell not in self.verdicts]

    def _settled(self, cell: Cell) -> Verdict | None:
        why = None if cell.attempt else self.nothing.get(cell.j + 1)
        return Verdict(False, why, free=True) if why is not None else None

    def _pair(self, cell: Cell) -> Pair:
        return whole_pair(cell.attempt, self.teacher.steps[cell.i], self.student[cell.j], self.problem, id(self))


def whole_pair(attempt: bool, teacher: Step, student: Step, problem: str, group: int) -> Pair:
    made = attempt_pair if attempt else step_pair
    sides = Said(teacher.sub_problem, teacher.answer), Said(student.sub_problem, student.answer)
    return made(*sides, problem, group)


def compare(
    kind: Align, gate: Gate, teacher: Decomposition, student: Sequence[Step], problem: str, nothing: Mapping[int, str]
) -> Comparison:
    """The comparison that the settings name."""
    made = Positional if kind == "positional" else InSequence
    return made(teacher, tuple(student), problem, nothing, gate)
