"""A pipeline loads a local model once."""

from types import SimpleNamespace

import pytest

from rlkd_data.chat.backends import kept as room
from rlkd_data.chat.backends.kept import keeping, kept


class Loads:
    def __init__(self, size=10):
        self.count = 0
        self._size = size

    def __call__(self):
        self.count += 1
        weight = SimpleNamespace(numel=lambda: self._size, element_size=lambda: 1)
        return SimpleNamespace(parameters=lambda: [weight], buffers=lambda: []), f"tokenizer {self.count}"


@pytest.fixture(autouse=True)
def room_for_25_bytes(monkeypatch):
    monkeypatch.setattr(room, "KEPT_BYTES", 25)


def test_outside_a_pipeline_nothing_is_kept():
    loads = Loads()
    assert kept("a", loads) is not kept("a", loads)
    assert loads.count == 2


def test_within_one_a_model_is_loaded_once_and_let_go_with_it():
    loads = Loads()
    with keeping():
        assert kept("a", loads) is kept("a", loads)
    with keeping():
        kept("a", loads)
    assert loads.count == 2


def test_what_was_used_longest_ago_makes_room():
    loads = {name: Loads() for name in "abc"}
    with keeping():
        for name in "abac":  # b goes
            kept(name, loads[name])
        kept("a", loads["a"])
        kept("b", loads["b"])
    assert [loads[name].count for name in "abc"] == [1, 2, 1]


def test_a_model_larger_than_the_room_is_not_kept():
    large, small = Loads(30), Loads()
    with keeping():
        kept("small", small)
        kept("large", large)
        kept("large", large)
        kept("small", small)
    assert (large.count, small.count) == (2, 1)
