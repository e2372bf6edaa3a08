"""Student steps matched with teacher steps in order, wherever they stand: gaps, merged and split steps allowed.

The positional alignment compares the first step with the first: one harmless step in front, and nothing matches. Here
the pairs that keep the order of both sides and give the best total are chosen (Needleman & Wunsch 1970, with blocks of
one step against several). The score is an F-score of steps: twice the credit over all steps of both sides, so that what
the teacher has and the student lacks counts against it, as does what is superfluous.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rlkd_data.structure.align import PairKey


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive steps of both sides that stand for each other: one and one, one and several, or several and one.

    Half-open ranges, from 0. `credit` is from 0 to 1: what each step in it earns.
    """

    teacher: tuple[int, int]
    student: tuple[int, int]
    credit: float

    @property
    def steps(self) -> int:
        return self.teacher[1] - self.teacher[0] + self.student[1] - self.student[0]


@dataclass(frozen=True, slots=True)
class Matched:
    """The chosen blocks, in order. `gate_at` is the first teacher step (from 1) that no block holds, where a gate was
    asked for: blocks behind it are left out. `unscored` as in `align.Alignment`."""

    blocks: tuple[Block, ...]
    n_teacher: int
    n_student: int
    gate_at: int | None = None
    unscored: PairKey | None = None

    @property
    def f_score(self) -> float:
        """2 · credit / (steps of the teacher + steps of the student), in [0, 1]."""
        both = self.n_teacher + self.n_student
        return sum(block.credit * block.steps for block in self.blocks) / both if both else 0.0


Spans = tuple[tuple[int, int], tuple[int, int]]


def in_sequence(n_teacher: int, n_student: int, credits: Mapping[Spans, float], *, gate: bool = False) -> Matched:
    """The blocks with the best total; of equal totals, those that stand earliest. `credits` are what pairs of spans may
    earn; spans that are not there earn nothing."""
    starting: dict[tuple[int, int], list[Block]] = {}
    for (teacher, student), credit in credits.items():
        if credit > 0:
            starting.setdefault((teacher[0], student[0]), []).append(Block(teacher, student, credit))
    best = [[0.0] * (n_student + 1) for _ in range(n_teacher + 1)]
    for i in reversed(range(n_teacher)):
        for j in reversed(range(n_student)):
            totals = [_total(block, best) for block in starting.get((i, j), ())]
            best[i][j] = max(best[i + 1][j], best[i][j + 1], *totals)
    blocks = tuple(_walk(n_teacher, n_student, starting, best))
    gate_at = _first_gap(blocks, n_teacher) if gate else None
    if gate_at is not None:
        blocks = tuple(block for block in blocks if block.teacher[0] < gate_at)
    return Matched(blocks, n_teacher, n_student, gate_at)


def _total(block: Block, best: list[list[float]]) -> float:
    return block.credit * block.steps + best[block.teacher[1]][block.student[1]]


def _walk(
    n_teacher: int, n_student: int, starting: Mapping[tuple[int, int], list[Block]], best: list[list[float]]
) -> Iterator[Block]:
    i = j = 0
    while i < n_teacher and j < n_student:
        chosen = max(starting.get((i, j), ()), key=lambda block: _total(block, best), default=None)
        if chosen is not None and _total(chosen, best) >= best[i][j] - 1e-12:
            yield chosen
            i, j = chosen.teacher[1], chosen.student[1]
        elif best[i][j + 1] >= best[i + 1][j]:
            j += 1
        else:
            i += 1


def _first_gap(blocks: tuple[Block, ...], n_teacher: int) -> int | None:
    """The first teacher step, from 1, that no block holds."""
    reached = 0
    for block in blocks:
        if block.teacher[0] > reached:
            break
        reached = block.teacher[1]
    return reached + 1 if reached < n_teacher else None
