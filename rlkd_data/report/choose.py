"""Which rows a page holds, where a table has more than a page can.

The choice is by the hash of a row's name: a fair sample that is the same on every machine, that two tables with the
same names agree on, and that is taken in one pass with memory for the chosen names alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class _Candidate:
    rank: bytes
    size: int = 0
    groups: tuple[str, ...] = ()


class Chooser:
    """Chooses at most `most_rows` names whose sizes sum up to at most `most_size`.

    `pinned` names come first; then `each` of every group, so that a rare reason is not lost; then the rest of the
    sample.
    """

    def __init__(self, most_rows: int, most_size: int, each: int, pinned: Iterable[str] = ()) -> None:
        self.most_rows, self.most_size, self.each = most_rows, most_size, each
        self._pinned = set(pinned)
        self._found: dict[str, _Candidate] = {}
        self._pruned = False
        self._prune_at = 4 * most_rows

    def add(self, name: str, group: str, size: int) -> None:
        """A row called `name`, one of `group`, of `size` characters. A name may come more than once."""
        one = self._found.get(name)
        if one is None:
            one = self._found[name] = _Candidate(hashlib.blake2b(name.encode("utf-8", "replace")).digest()[:16])
        one.size += size
        if group not in one.groups:
            one.groups = (*one.groups, group)
        if len(self._found) > self._prune_at:
            self._found = {name: self._found[name] for name in self._ordered()[: 2 * self.most_rows]}
            self._pruned = True
            self._prune_at = len(self._found) + 2 * self.most_rows

    @property
    def left_out(self) -> bool:
        """Whether a name that was added is not chosen."""
        return self._pruned or len(self.chosen()) < len(self._found)

    def chosen(self) -> set[str]:
        """The names. The first one is always among them, however large it is."""
        names: set[str] = set()
        left = self.most_size
        for name in self._ordered():
            if len(names) >= self.most_rows:
                break
            size = self._found[name].size
            if size <= left or not names:
                names.add(name)
                left -= size
        return names

    def _ordered(self) -> list[str]:
        by_rank = sorted(self._found, key=lambda name: self._found[name].rank)
        taken: dict[str, int] = {}
        first = [name for name in by_rank if name in self._pinned]
        rest: list[str] = []
        for name in by_rank:
            if name in self._pinned:
                continue
            groups = self._found[name].groups
            rare = any(taken.get(group, 0) < self.each for group in groups)
            for group in groups:
                taken[group] = taken.get(group, 0) + 1
            (first if rare else rest).append(name)
        return first + rest
