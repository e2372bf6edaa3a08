"""Credit to steps: where they stand, what they earned, and that a completion's weights have the mean 1."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlkd_data.schema import Step
from rlkd_data.structure.align import Alignment, StepMatch
from rlkd_data.structure.sequence import Block, Matched
from rlkd_train.config import GrpoSettings
from rlkd_train.reward.credit import Land, earned, lands, missed, token_weights

TEXT = "<think>\nFirst the eggs: 16 less 7 are nine eggs. Then the price: nine times 2 dollars make 18.\n</think>\n18"


def positional(*scores: float, student: int) -> Alignment:
    steps = tuple(StepMatch(index, True, True, True, score) for index, score in enumerate(scores, 1))
    return Alignment(steps, len(scores), student, None, None)


def test_steps_earn_what_the_alignment_gives_them_and_surplus_ones_nothing() -> None:
    assert earned(positional(1.0, 0.5, 0.0, student=5)) == [1.0, 0.5, 0.0, 0.0, 0.0]


def test_in_sequence_a_block_is_divided_among_its_steps_and_the_sum_is_the_scores() -> None:
    blocks = (Block((0, 1), (1, 2), 1.0), Block((1, 2), (2, 4), 1.0), Block((2, 4), (4, 5), 0.5))
    matched = Matched(blocks, 5, 6)
    assert earned(matched) == [0.0, 2.0, 1.5, 1.5, 1.5, 0.0]
    assert sum(earned(matched)) / 11 == pytest.approx(matched.f_score)


def test_what_was_missed_ends_at_the_gate_and_in_sequence_a_step_for_none_has_missed_all() -> None:
    steps = tuple(StepMatch(n, True, True, True, score) for n, score in enumerate((1.0, 0.5, 0.0, 0.0), 1))
    assert missed(Alignment(steps, 4, 6, 3, None)) == [0.0, 0.5, 1.0, 0.0, 0.0, 0.0]
    assert missed(positional(1.0, 0.25, student=3)) == [0.0, 0.75, 0.0]
    blocks = (Block((0, 1), (1, 2), 1.0), Block((2, 3), (2, 4), 0.5))
    assert missed(Matched(blocks, 3, 5)) == [1.0, 0.0, 0.5, 0.5, 1.0]
    assert missed(Matched(blocks[:1], 3, 5, gate_at=2)) == [1.0, 0.0, 1.0, 0.0, 0.0]
    assert missed(Matched((), 3, 2, gate_at=1)) == [1.0, 0.0]


def said(*answers: str) -> list[str]:
    found = lands([Step(n, "m", "q", answer) for n, answer in enumerate(answers, 1)], TEXT)
    return [TEXT[low:high] for low, high in found]


def test_a_step_stands_from_the_end_of_the_one_before_to_the_end_of_its_answer() -> None:
    first, second = said("16 less 7 are nine eggs.", "nine times 2 dollars make 18.")
    assert first == "First the eggs: 16 less 7 are nine eggs."
    assert second == " Then the price: nine times 2 dollars make 18."


def test_a_step_that_is_not_found_is_somewhere_before_the_next_or_in_the_rest() -> None:
    hidden, found = said("the weather in Lisbon is fine", "16 less 7 are nine eggs.")
    assert hidden == found == "First the eggs: 16 less 7 are nine eggs."
    found, hidden = said("16 less 7 are nine eggs.", "the weather in Lisbon is fine")
    assert hidden == " Then the price: nine times 2 dollars make 18."
    assert said("the weather in Lisbon is fine") == [TEXT[8:-12]]


def test_of_steps_out_of_line_no_range_lies_behind_another_or_outside_the_reasoning() -> None:
    found = lands([Step(n, "m", "q", a) for n, a in enumerate(("make 18.", "nine eggs.", "18"), 1)], TEXT)
    assert all(low <= high <= TEXT.index("\n</think>") for low, high in found)
    assert all(one == after or one[1] <= after[0] for one, after in pairwise(found))


def test_behind_a_gate_no_token_gets_any_and_tokens_of_no_step_are_as_without() -> None:
    ends = [5, 10, 15, 20, 25, 30]
    assert token_weights(ends, [(0, 10), (10, 25)], [1.0, 0.0]) == [2.5, 2.5, 0, 0, 0, 1]
    assert token_weights(ends, [(0, 10), (10, 25)], [0.0, 0.0]) == [1.0] * 6
    assert token_weights(ends, [(0, 10), (10, 20)], [1.0, 1.0]) == [1.0] * 6
    assert token_weights(ends, [(0, 15), (15, 16), (16, 30)], [0.0, 1.0, 1.0]) == [0.5] * 3 + [1.5] * 3  # no token
    assert token_weights([], [(0, 4)], [1.0]) == []


@st.composite
def completions(draw: st.DrawFn) -> tuple[list[int], list[Land], list[float]]:
    ends = sorted(draw(st.lists(st.integers(0, 60), max_size=40)))
    edges = sorted(draw(st.lists(st.integers(0, 70), min_size=1, max_size=8)))
    ranges = [(low, high) for low, high in pairwise(edges) if high > low]
    where = sorted(draw(st.lists(st.sampled_from(ranges), max_size=8))) if ranges else []
    shares = draw(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=len(where), max_size=len(where)))
    return ends, where, shares


@given(completions())
def test_weights_are_of_mean_one_and_never_negative(case: tuple[list[int], list[Land], list[float]]) -> None:
    ends, where, shares = case
    weights = token_weights(ends, where, shares)
    assert len(weights) == len(ends) and min(weights, default=0.0) >= 0.0
    assert sum(weights) == pytest.approx(len(ends))
    total = {land: sum(s for one, s in zip(where, shares, strict=True) if one == land) for land in where}
    for token, end in enumerate(ends):
        inside = [land for land in total if land[0] < end <= land[1]]
        assert inside or weights[token] == 1.0
    held = {land: [w for end, w in zip(ends, weights, strict=True) if land[0] < end <= land[1]] for land in total}
    if all(held.values()) and sum(shares):
        for land, one in held.items():  # each range gets its share of what goes to steps
            assert sum(one) == pytest.approx(sum(map(len, held.values())) * total[land] / sum(shares))


def test_credit_to_steps_without_a_weight_of_structure_is_refused() -> None:
    given = {"model": "m", "traces": ["t"], "decompositions": ["d"], "credit": "step"}
    assert GrpoSettings.model_validate(given).told.endswith("credit step")
    with pytest.raises(ValueError, match="its weight is 0"):
        GrpoSettings.model_validate(given | {"weights": {"structure": 0}})
