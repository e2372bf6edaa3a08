"""Digests and Texts hold what a dictionary and a list would."""

from __future__ import annotations

import random

import pytest

from rlkd_data import digests
from rlkd_data.digests import SIZE, Digests, Texts, digest


@pytest.mark.parametrize("fresh", [1, 7, 1 << 15])
def test_digests_are_a_dictionary(monkeypatch: pytest.MonkeyPatch, fresh: int) -> None:
    monkeypatch.setattr(digests, "_FRESH", fresh)
    chance, known, found = random.Random(fresh), dict[bytes, int](), Digests()
    alike = [bytes(8) + bytes([n] * 8) for n in range(5)]  # one first half: the second tells them apart
    names = [digest(f"row {n}") for n in range(900)] + alike + [bytes(SIZE), b"\xff" * SIZE, b"a" + bytes(15)]
    for number in range(4000):
        one = chance.choice(names)
        assert (one in found) == (one in known) and found.get(one) == known.get(one)
        if number % 3:
            assert found.setdefault(one, number) == known.setdefault(one, number)
        else:
            assert found.add(one) == (one not in known)
            known.setdefault(one, 0)
        assert len(found) == len(known)
    assert all(found.get(one) == known.get(one) for one in names)


def test_digests_of_names_differ_in_every_character() -> None:
    assert len({digest(name) for name in ("", "a", "b", "ab", "a\0", "ä", "\ud83d")}) == 7
    assert len(Digests([digest("a"), digest("a"), digest("b")])) == 2


def test_texts_are_a_list() -> None:
    texts, found = ["", "rows.jsonl:1", "Zeile 2, größer", "\ud83d", "end"], Texts()
    for text in texts:
        found.append(text)
    assert [found[n] for n in range(len(found))] == texts
