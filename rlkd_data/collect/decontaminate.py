"""Problems that stand in a benchmark: a run of n words in common, or, of shorter problems, the whole text.

Words and runs of many problems are found and hashed at once, byte by byte in numpy: no Python object is made of a word,
unless a run's hash is a benchmark's, which is then compared word by word. Benchmarks are held in memory, problems are
not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_BASE = 0x100000001B3
"""Odd, so that it has an inverse modulo 2^64, and a word's hash does not depend on where it stands."""
_HALF = np.uint64(32)
_FORMATTING = re.compile(
    r"\\(?:(?:left|right|[bB]igg?[lr]?|text(?:bf|it|rm)?|math(?:rm|bf|it)|mbox|displaystyle|q?quad)(?![A-Za-z])|[,;:!])"
)
_FRACTION = re.compile(r"\\[dtc]frac")
_SIGN = re.compile(r"(?P<character>[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])|[^\w\s]")
"""Of Chinese and Japanese each character is a word; other signs are none."""
_IN_WORD = np.array([byte >= 0x80 or chr(byte).isalnum() or byte == ord("_") for byte in range(256)])
_TOGETHER = 1024
"""Problems of a benchmark that are indexed in one go."""
_EVIDENCE = 300
"""Characters of evidence kept from each side."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark's problems, each with where it stands."""

    name: str
    problems: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Hit:
    """A problem that stands in a benchmark: `matching` are the words in common, `shared` how many, of `total`."""

    benchmark: str
    where: str
    matching: str
    shared: int
    total: int
    problem: str

    def __str__(self) -> str:
        return (
            f"{self.benchmark}, {self.where}: {self.shared} of {self.total} words in a row are the same: "
            f"“{_cut(self.matching)}”; the benchmark's problem: “{_cut(' '.join(self.problem.split()))}”"
        )


@dataclass(frozen=True, slots=True)
class _Words:
    """Many texts' words, one after another: word w is `text[starts[w]:ends[w]]`, those of text i are the words from
    `offsets[i]` to `offsets[i + 1]`."""

    text: bytes
    starts: NDArray[Any]
    ends: NDArray[Any]
    offsets: NDArray[Any]
    hashes: NDArray[Any]

    def count(self, text: int) -> int:
        return int(self.offsets[text + 1] - self.offsets[text])

    def of(self, text: int, start: int = 0, most: int | None = None) -> list[bytes]:
        first, end = int(self.offsets[text]) + start, int(self.offsets[text + 1])
        words = slice(first, end if most is None else min(end, first + most))
        places = zip(self.starts[words].tolist(), self.ends[words].tolist(), strict=True)
        return [self.text[start:end] for start, end in places]


class Decontaminator:
    """Holds benchmarks; `n` is the length of a run in words.

    The usual 8 is strict: it also meets phrases of the trade. Of 7,445 MATH training problems 868 share 8 words in a
    row with one of MATH-500, 153 share 13; all copies are found with either.
    """

    def __init__(self, benchmarks: Iterable[Benchmark], n: int = 8) -> None:
        self.n = n
        self._rows = [(one.name, where, problem) for one in benchmarks for where, problem in one.problems]
        self._words: list[list[bytes]] = []
        parts = [_no_grams()]
        for start in range(0, len(self._rows), _TOGETHER):
            held = _split([problem for _, _, problem in self._rows[start : start + _TOGETHER]])
            self._words += [held.of(row) for row in range(len(held.offsets) - 1)]
            hashes, of_part, at = _grams(held, n)
            parts.append((hashes, of_part + start, at))
        grams, rows, places = (np.concatenate(column) for column in zip(*parts, strict=True))
        self._short = {tuple(words): row for row, words in reversed(list(enumerate(self._words))) if 0 < len(words) < n}
        self._hashes, first = np.unique(grams, return_index=True)
        self._at = np.stack([rows[first], places[first]], axis=1)
        bits = max(16, int(16 * max(len(self._hashes), 1)).bit_length())
        self._shift = np.uint64(64 - bits)
        self._maybe = np.zeros(1 << bits, dtype=bool)  # most runs are told to be new by one look into this
        self._maybe[self._hashes >> self._shift] = True

    def find(self, problems: Sequence[str]) -> list[Hit | None]:
        """For each problem its first run of words that stands in a benchmark; None where there is none."""
        found: list[Hit | None] = [None] * len(problems)
        if not problems or not self._rows:
            return found
        given = _split(problems)
        grams, rows, places = _grams(given, self.n)
        likely = np.flatnonzero(self._maybe[grams >> self._shift])
        at = np.minimum(np.searchsorted(self._hashes, grams[likely]), len(self._hashes) - 1)
        equal = self._hashes[at] == grams[likely] if len(self._hashes) else np.zeros(0, bool)
        likely, at = likely[equal], at[equal]
        of_row = rows[likely]  # in order
        bounds = np.flatnonzero(np.diff(of_row, prepend=-1, append=-1)).tolist()
        for first, end in pairwise(bounds):
            row = int(of_row[first])
            for one in range(first, end):  # all but always the first is it
                found[row] = self._compared(given, row, int(places[likely[one]]), *self._at[at[one]].tolist())
                if found[row] is not None:
                    break
        if self._short:
            for short in map(int, np.flatnonzero(np.diff(given.offsets) < self.n)):
                words = tuple(given.of(short))
                if (same := self._short.get(words)) is not None:
                    found[short] = self._hit(same, words, len(words))
        return found

    def _compared(self, given: _Words, row: int, start: int, held: int, place: int) -> Hit | None:
        """The run of equal words from here on; None where the hashes alone were equal."""
        theirs = self._words[held][place:]
        words = given.of(row, start, len(theirs))
        equal = next((at for at, pair in enumerate(zip(words, theirs, strict=False)) if pair[0] != pair[1]), len(words))
        return self._hit(held, words[:equal], given.count(row)) if equal >= self.n else None

    def _hit(self, held: int, matching: Sequence[bytes], total: int) -> Hit:
        name, where, problem = self._rows[held]
        return Hit(name, where, b" ".join(matching).decode(errors="replace"), len(matching), total, problem)


def _split(texts: Sequence[str]) -> _Words:
    parts = [_normal(text).encode("utf-8", "surrogatepass") for text in texts]
    joined = b" ".join([b"", *parts, b""])
    characters = np.frombuffer(joined, np.uint8)
    edges = np.flatnonzero(np.diff(_IN_WORD[characters])) + 1
    starts, ends = edges[0::2], edges[1::2]
    begins = np.cumsum([1, *(len(part) + 1 for part in parts)])
    powers, inverses = _powers(1 << (len(joined) - 1).bit_length())
    sums = np.zeros(len(joined) + 1, np.uint64)
    np.cumsum(powers[: len(joined)] * characters, out=sums[1:])
    hashes = (sums[ends] - sums[starts]) * inverses[starts]
    hashes ^= hashes >> _HALF
    hashes *= _MULTIPLIER
    return _Words(joined, starts, ends, np.searchsorted(starts, begins), hashes)


def _normal(text: str) -> str:
    """Without what only concerns the layout, in small letters; signs of other scripts than ASCII taken care of."""
    if "\\" in text:
        text = _FRACTION.sub(r"\\frac", _FORMATTING.sub(" ", text))
    if not text.isascii():
        text = _SIGN.sub(lambda sign: f" {sign['character'] or ''} ", unicodedata.normalize("NFKC", text))
    return text.lower()


@lru_cache(maxsize=2)
def _powers(count: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """The powers of the base and of its inverse, modulo 2^64."""
    inverse = pow(_BASE, -1, 1 << 64)
    found = []
    for base in (_BASE, inverse):
        powers = np.full(count, base, np.uint64)
        powers[0] = 1
        found.append(np.cumprod(powers))
    return found[0], found[1]


def _no_grams() -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    return np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.int64)


def _grams(split: _Words, n: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Of every run of n words inside a text: its hash, which text, and where in it."""
    count = len(split.hashes) - n + 1
    if count <= 0:
        return _no_grams()
    hashes = np.zeros(count, np.uint64)
    for step in range(n):
        hashes *= _MULTIPLIER
        hashes += split.hashes[step : step + count]
    hashes ^= hashes >> _HALF
    hashes *= _MULTIPLIER  # the high bits are looked up
    lengths = np.diff(split.offsets)
    text_of = np.repeat(np.arange(len(lengths)), lengths)[:count]
    places = np.arange(count) - split.offsets[text_of]
    inside = places + n <= lengths[text_of]
    return hashes[inside], text_of[inside], places[inside]


def _cut(text: str) -> str:
    return text if len(text) <= _EVIDENCE else text[: _EVIDENCE - 1] + "…"
