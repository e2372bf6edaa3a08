"""Problems that stand in a benchmark: a run of n words in common, or, of shorter problems, the whole text.

The words of many problems are found and hashed at once (polars), the hashes of runs are made of them at once (numpy),
and only a run whose hash is a benchmark's is compared word by word. Benchmarks are held in memory, problems are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_FORMATTING = r"\\(?:left|right|[bB]igg?[lr]?|text(?:bf|it|rm)?|math(?:rm|bf|it)|mbox|displaystyle|q?quad)\b|\\[,;:!]"
_FRACTION = r"\\[dtc]frac"
_WORD = r"[\p{Han}\p{Hiragana}\p{Katakana}]|[\w--\p{Han}--\p{Hiragana}--\p{Katakana}]+"
"""A run of letters and digits; of Chinese and Japanese each character."""
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
    """Many texts' words, one after another; those of text i are `words[offsets[i]:offsets[i + 1]]`."""

    words: pl.Series
    hashes: np.ndarray
    offsets: np.ndarray

    def of(self, text: int) -> list[str]:
        start, end = int(self.offsets[text]), int(self.offsets[text + 1])
        return self.words.slice(start, end - start).to_list()


class Decontaminator:
    """Holds benchmarks; `n` is the length of a run in words.

    The usual 8 is strict: it also meets phrases of the trade. Of 7,445 MATH training problems 868 share 8 words in a
    row with one of MATH-500, 153 share 13; all copies are found with either.
    """

    def __init__(self, benchmarks: Iterable[Benchmark], n: int = 8) -> None:
        self.n = n
        self._rows = [(one.name, where, problem) for one in benchmarks for where, problem in one.problems]
        held = _split([problem for _, _, problem in self._rows])
        self._words = [held.of(row) for row in range(len(self._rows))]
        self._short = {tuple(words): row for row, words in reversed(list(enumerate(self._words))) if 0 < len(words) < n}
        grams, rows, places = _grams(held, n)
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
        at = np.minimum(np.searchsorted(self._hashes, grams[likely]), max(len(self._hashes) - 1, 0))
        for gram, held in zip(likely, at, strict=True):
            row = int(rows[gram])
            if found[row] is None and self._hashes[held] == grams[gram]:
                found[row] = self._compared(given.of(row), int(places[gram]), *map(int, self._at[held]))
        if self._short:
            for short in map(int, np.flatnonzero(np.diff(given.offsets) < self.n)):
                words = tuple(given.of(short))
                if (same := self._short.get(words)) is not None:
                    found[short] = self._hit(same, words, len(words))
        return found

    def _compared(self, words: list[str], start: int, held: int, place: int) -> Hit | None:
        """The run of equal words from here on; None where the hashes alone were equal."""
        equal = 0
        for one, other in zip(words[start:], self._words[held][place:], strict=False):
            if one != other:
                break
            equal += 1
        return self._hit(held, words[start : start + equal], len(words)) if equal >= self.n else None

    def _hit(self, held: int, matching: Sequence[str], total: int) -> Hit:
        name, where, problem = self._rows[held]
        return Hit(name, where, " ".join(matching), len(matching), total, problem)


def _split(texts: Sequence[str]) -> _Words:
    found = (
        pl.Series(texts, dtype=pl.String)
        .str.replace_all(_FORMATTING, " ")
        .str.replace_all(_FRACTION, "\\frac")
        .str.normalize("NFKC")
        .str.to_lowercase()
        .str.extract_all(_WORD)
    )
    counts = found.list.len().to_numpy().astype(np.int64)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    words = found.filter(found.list.len() > 0).explode()
    return _Words(words, words.hash(seed=0).to_numpy().astype(np.uint64), offsets)


def _grams(split: _Words, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every run of n words inside a text: its hash, which text, and where in it."""
    count = len(split.hashes) - n + 1
    if count <= 0:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.int64)
    hashes = np.zeros(count, np.uint64)
    for step in range(n):
        hashes *= _MULTIPLIER
        hashes += split.hashes[step : step + count]
    hashes ^= hashes >> np.uint64(32)
    hashes *= _MULTIPLIER  # the high bits are looked up
    lengths = np.diff(split.offsets)
    text_of = np.repeat(np.arange(len(lengths)), lengths)[:count]
    places = np.arange(count) - split.offsets[text_of]
    inside = places + n <= lengths[text_of]
    return hashes[inside], text_of[inside], places[inside]


def _cut(text: str) -> str:
    return text if len(text) <= _EVIDENCE else text[: _EVIDENCE - 1] + "…"
