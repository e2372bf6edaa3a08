import random
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from rlkd_data.chat.backends import draw as draw_module  # noqa: E402
from rlkd_data.chat.backends.draw import Draw, draw  # noqa: E402

DRAWS = 20_000


def spread(count: int) -> Any:
    """(DRAWS, 1) numbers that fill [0, 1) evenly: what is drawn with them is the distribution itself."""
    return ((torch.arange(DRAWS) + 0.5) / DRAWS).unsqueeze(1)


def shares(probabilities: list[float], top_p: float | None) -> list[float]:
    rows = torch.tensor([probabilities]).expand(DRAWS, -1)
    counts = torch.bincount(draw(rows, top_p, spread(DRAWS)).squeeze(1), minlength=len(probabilities))
    return (counts / DRAWS).tolist()


def test_tokens_are_drawn_as_often_as_they_are_likely() -> None:
    assert shares([0.1, 0.0, 0.6, 0.3], None) == pytest.approx([0.1, 0.0, 0.6, 0.3], abs=2 / DRAWS)


@pytest.mark.parametrize(
    ("top_p", "expected"),
    [
        (0.5, [0.0, 0.0, 1.0, 0.0]),
        (0.6, [0.0, 0.0, 1.0, 0.0]),
        (0.7, [0.0, 0.0, 2 / 3, 1 / 3]),
        (0.95, [0.1, 0.0, 0.6, 0.3]),
        (1.0, [0.1, 0.0, 0.6, 0.3]),
        (0.0001, [0.0, 0.0, 1.0, 0.0]),
    ],
)
def test_only_the_nucleus_is_drawn_from(top_p: float, expected: list[float]) -> None:
    assert shares([0.1, 0.0, 0.6, 0.3], top_p) == pytest.approx(expected, abs=2 / DRAWS)


@pytest.mark.parametrize("likely", [1, 2, 10_000])
def test_a_nucleus_larger_than_looked_for_at_first_is_found_whole(likely: int, monkeypatch: pytest.MonkeyPatch) -> None:
    flat = [0.02] * 50
    monkeypatch.setattr(draw_module, "_LIKELY", likely)
    found = shares(flat, 0.49)
    assert sum(share > 0 for share in found) == 25
    assert max(found) == pytest.approx(0.04, abs=2 / DRAWS)


@pytest.mark.parametrize("top_p", [None, 0.9])
def test_no_impossible_token_is_drawn_at_the_ends_of_the_range(top_p: float | None) -> None:
    rows = torch.tensor([[0.0, 0.5, 0.0, 0.5, 0.0]]).expand(2, -1)
    uniform = torch.tensor([[0.0], [1.0]])  # 1 is what rounding makes of the largest number below it
    assert set(draw(rows, top_p, uniform).flatten().tolist()) <= {1, 3}


def drawn(seeds: list[int], scores: Any, steps: int = 20) -> list[list[int]]:
    sampler = Draw(0.8, 0.95, [random.Random(seed) for seed in seeds])
    return torch.stack([sampler(None, scores).argmax(-1) for _ in range(steps)], dim=1).tolist()


def test_a_row_s_tokens_depend_on_its_seed_and_not_on_its_neighbours() -> None:
    scores = torch.randn(3, 1000, generator=torch.Generator().manual_seed(1))
    together = drawn([7, 8, 9], scores)
    assert drawn([8], scores[1:2]) == together[1:2]
    assert drawn([9, 7], scores[[2, 0]]) == [together[2], together[0]]
    assert drawn([80], scores[1:2]) != together[1:2]
    same = scores[:1].expand(2, -1)
    first, second = drawn([1, 2], same)
    assert first != second


def test_a_low_temperature_is_nearly_greedy() -> None:
    scores = torch.randn(4, 1000, generator=torch.Generator().manual_seed(2))
    sampler = Draw(1e-4, None, [random.Random(seed) for seed in (1, 2, 3, 4)])
    assert sampler(None, scores).argmax(-1).tolist() == scores.argmax(-1).tolist()
