"""What a judge takes and gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rlkd_data.structure.align import PartName


@dataclass(frozen=True, slots=True)
class Pair:
    """The same part of a teacher's and a student's step, and the problem that both are about."""

    part: PartName
    teacher: str
    student: str
    problem: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the two match. None: not known, and `how` says why; otherwise `how` names what decided."""

    match: bool | None
    how: str


class Judge(Protocol):
    async def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """A verdict for each pair, in order."""

    async def close(self) -> None: ...
