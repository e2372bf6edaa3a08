"""Names of millions of rows in little memory: as hashes of 128 bits in sorted arrays, 20 bytes each."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

import numpy as np

SIZE = 16
_FRESH = 1 << 15
"""Names that wait in a dictionary, at least, before they are sorted in; at most an eighth of all."""


def digest(name: str) -> bytes:
    """What stands for a name: two of a billion names are alike with a chance of 1 to 10^21."""
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=SIZE).digest()


class Digests:
    """A set of digests, each with a number (0 where none is given), as a dictionary would hold them."""

    def __init__(self, found: Iterable[bytes] = ()) -> None:
        nothing: Any = np.empty(0, np.uint64)
        self._high = self._low = nothing
        self._number: Any = np.empty(0, np.uint32)
        self._sorted: Any = memoryview(self._high)  # whose items are found faster than an array's
        self._fresh: dict[bytes, int] = {}
        for one in found:
            self.setdefault(one)

    def __len__(self) -> int:
        return len(self._high) + len(self._fresh)

    def __contains__(self, one: bytes) -> bool:
        return self.get(one) is not None

    def get(self, one: bytes) -> int | None:
        """The number of a digest that is in; None for one that is not."""
        if (number := self._fresh.get(one)) is not None:
            return number
        high, low = int.from_bytes(one[:8]), int.from_bytes(one[8:])
        at = bisect_left(self._sorted, high)
        while at < len(self._sorted) and self._sorted[at] == high:
            if self._low[at] == low:
                return int(self._number[at])
            at += 1
        return None

    def setdefault(self, one: bytes, number: int = 0) -> int:
        """The number of a digest; put in with this one where it is new."""
        known = self.get(one)
        if known is not None:
            return known
        self._fresh[one] = number
        if len(self._fresh) >= max(_FRESH, len(self._high) // 8):
            self._sort_in()
        return number

    def add(self, one: bytes) -> bool:
        """Whether a digest was new; it is in now."""
        before = len(self)
        self.setdefault(one)
        return len(self) > before

    def _sort_in(self) -> None:
        halves = np.frombuffer(b"".join(self._fresh), dtype=">u8").astype(np.uint64).reshape(-1, 2)
        high = np.concatenate([self._high, halves[:, 0]])
        order = np.argsort(high, kind="stable")
        numbers = np.fromiter(self._fresh.values(), np.uint32, len(self._fresh))
        self._high, self._low = high[order], np.concatenate([self._low, halves[:, 1]])[order]
        self._number = np.concatenate([self._number, numbers])[order]
        self._sorted = memoryview(self._high)
        self._fresh = {}


class Texts:
    """Short texts by their number, one behind the other."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = array("Q", [0])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, number: int) -> str:
        return self._bytes[self._ends[number] : self._ends[number + 1]].decode("utf-8", "surrogatepass")

    def append(self, text: str) -> None:
        self._bytes += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._bytes))
