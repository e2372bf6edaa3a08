"""Problems that a source holds twice: the same text, or nearly the same. Keeps signatures, not texts.

Two problems that differ in a number, an operator or in what is asked are different problems, however alike the rest:
near-duplicates therefore have to agree in all of these as well.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Any, Literal

from rlkd_data.digests import SIZE, Digests, Texts

Mode = Literal["exact", "near", "off"]

_PERMUTATIONS = 128
_BANDS = 16
"""Of 8 values each: a pair of similarity 0.9 shares one with probability 0.9999, one of 0.8 with 0.95."""
_SHINGLE = 5
_SEED = 42
_WORD = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*|[^\w\s]")
_SENTENCE = re.compile(r"(?<=[.?!])\s+")
_TURNING_WORDS = """
    no not never without except only all each every both either neither least most largest smallest greatest maximum
    minimum max min highest lowest more less fewer greater larger smaller longer shorter increase decrease increases
    decreases increased decreased odd even positive negative before after above below inside outside first last sum
    difference product quotient area perimeter volume sin cos tan log twice half third quarter double triple dozen one
    two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
    nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million
"""
_TURNING = frozenset(_TURNING_WORDS.split())
"""Words that turn a problem into another one."""
_SILENT = frozenset(["a", "i", "s", "t", *".,;:?$'\"()[]{}\\"])
"""Single characters that say nothing: articles, ends of contractions, punctuation."""


def exact_key(problem: str) -> bytes:
    """Names a problem by its text: Unicode forms, case and spaces aside, every character counts."""
    folded = " ".join(unicodedata.normalize("NFKC", problem).casefold().split())
    return hashlib.blake2b(folded.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Deduplicator:
    """Says of each problem whether an earlier one was the same. What it holds is a function of the problems that it was
    shown, in their order: show it those of an interrupted run again, and it goes on as if nothing had happened.

    `threshold`: estimated Jaccard similarity of word 5-grams from which problems are near-duplicates. `samples_follow`:
    rows of the same text that follow one another are samples of one problem, not duplicates. Memory is about
    60 bytes a problem, with `near` 1.5 kB more.
    """

    def __init__(self, mode: Mode, threshold: float = 0.9, samples_follow: bool = False) -> None:
        self.mode, self.threshold, self.samples_follow = mode, threshold, samples_follow
        self._last: tuple[bytes, str] = (b"", "")
        self._exact, self._places = Digests(), Texts()
        self._near: _Near | None = _Near(threshold) if mode == "near" else None

    def earlier(self, problem: str, where: str, group: str = "") -> tuple[str, float] | None:
        """Where the first problem like this one stood, and their similarity (1.0: the same text); None for a new one,
        which is then remembered. Only problems of one `group` are compared, and those from one place never are."""
        if self.mode == "off":
            return None
        text, key = self.keys(problem, group)
        first, where = self.again(text, key, where)
        if first is not None:
            return first, 1.0
        return self._near.earlier(problem, where, group) if self._near is not None else None

    @staticmethod
    def keys(problem: str, group: str) -> tuple[bytes, bytes]:
        """What stands for a problem's text, and for the text among those of its group."""
        text = exact_key(problem)
        return text, hashlib.blake2b(group.encode("utf-8", "surrogatepass") + b"\0" + text, digest_size=SIZE).digest()

    def again(self, text: bytes, key: bytes, where: str) -> tuple[str | None, str]:
        """Where the first of the same text stood, if that was elsewhere; and the place that this one counts as. With
        `keys` alone it is what `earlier` makes of a problem, but for those that are nearly the same."""
        if self.samples_follow:
            if text == self._last[0]:
                where = self._last[1]
            self._last = (text, where)
        number = self._exact.setdefault(key, len(self._places))
        if number == len(self._places):
            self._places.append(where)
            return None, where
        first = self._places[number]
        return (first if first != where else None), where


class _Near:
    def __init__(self, threshold: float) -> None:
        from rensa import RMinHashLSH

        self.threshold = threshold
        self._index: Any = RMinHashLSH(threshold, _PERMUTATIONS, _BANDS)
        self._kept: list[tuple[Any, bytes, str]] = []

    def earlier(self, problem: str, where: str, group: str) -> tuple[str, float] | None:
        from rensa import RMinHash

        words = _WORD.findall(unicodedata.normalize("NFKC", problem))
        signature: Any = RMinHash(_PERMUTATIONS, _SEED)
        signature.update(_shingles([word.casefold() for word in words]))
        must_agree = _essentials(problem, words, group)
        best: tuple[float, str] | None = None
        for key in sorted(self._index.query(signature)):
            other, essentials, place = self._kept[key]
            if place == where:
                return None
            if essentials == must_agree and (similarity := signature.jaccard(other)) >= self.threshold:
                best = max(best or (0.0, ""), (similarity, place), key=lambda found: found[0])
        if best is not None:
            return best[1], best[0]
        self._index.insert(len(self._kept), signature)
        self._kept.append((signature, must_agree, where))
        return None


def _shingles(words: list[str]) -> list[str]:
    if len(words) <= _SHINGLE:
        return [" ".join(words)]
    return [" ".join(words[start : start + _SHINGLE]) for start in range(len(words) - _SHINGLE + 1)]


def _essentials(problem: str, words: list[str], group: str) -> bytes:
    """A hash of what near-duplicates have to agree in, in its order: numbers, operators, names of quantities and
    points, words that turn a problem, and the words of the last sentence, which is what is asked."""
    telling = [
        word.casefold()
        for word in words
        if len(word) == 1 or word[0].isdigit() or word.casefold() in _TURNING or (word.isupper() and word.isalpha())
    ]
    telling = [word for word in telling if word not in _SILENT]
    asked = [word for word in _WORD.findall(_SENTENCE.split(problem.strip())[-1].casefold()) if word not in _SILENT]
    text = "\0".join([group, *telling, "\0", *asked])
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
