"""Long traces: cutting loses no character, and the decompositions of the pieces make up that of the whole."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlkd_data.schema import Step
from rlkd_data.structure.chunk import Piece, cut, halves
from rlkd_data.structure.merge import merge, shifted

SNIPPETS = [
    "\n\n",
    "\n",
    " ",
    ". ",
    "Wait, no. ",
    "Alternatively, ",
    "\n\nSo ",
    "x" * 30,
    "12.5 ",
    "\r\n\r\n",
    "?! ",
    "é😀",
]
texts = st.lists(st.sampled_from(SNIPPETS) | st.text(max_size=12), max_size=60).map("".join)


def whole(text: str, pieces: tuple[Piece, ...]) -> str:
    return "".join(text[piece.fresh : piece.end] for piece in pieces)


@settings(max_examples=400, deadline=None)
@given(texts, st.integers(2, 80), st.data())
def test_the_stretches_are_the_text_and_no_piece_is_too_long(text: str, longest: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, longest - 1))
    pieces = cut(text, longest, overlap)
    assert whole(text, pieces) == text
    assert all(piece.start <= piece.fresh <= piece.end for piece in pieces)
    assert all(piece.end - piece.start <= longest and piece.fresh - piece.start <= overlap for piece in pieces)
    assert all(piece.fresh < piece.end for piece in pieces) or text == ""


@settings(max_examples=200, deadline=None)
@given(texts, st.integers(10, 80))
def test_halves_are_the_piece(text: str, longest: int) -> None:
    for piece in cut(text, longest, longest // 4):
        two = halves(text, piece, 2)
        if two is not None:
            left, right = two
            assert (left.start, left.fresh, left.end, right.end) == (piece.start, piece.fresh, right.fresh, piece.end)
            assert right.start <= right.fresh < right.end and left.fresh < left.end


@pytest.mark.parametrize(
    ("text", "ends_with"),
    [
        ("First this. It goes on.\n\nmore of it here\n\nWait, that is wrong. Let me see.", "more of it here\n\n"),
        ("One thing is said here. And another one. Wait, a third thing of some length", "And another one. "),
        ("One line of the text\nanother line of it\nand one more that is long", "another line of it\n"),
        ("A sentence that has some length. A second sentence of it with words", "some length. "),
        ("only words and words and words and no end of the words at all", "of the "),
        ("x" * 90, "x"),
    ],
)
def test_a_piece_ends_at_the_best_boundary_near_its_end(text: str, ends_with: str) -> None:
    first, *_ = cut(text, 50)
    assert text[: first.end].endswith(ends_with)


def test_a_text_that_fits_is_one_piece_and_nonsense_is_refused() -> None:
    assert cut("short", 100, 10) == (Piece(0, 0, 5),)
    assert cut("", 10) == (Piece(0, 0, 0),)
    with pytest.raises(ValueError, match="cannot overlap"):
        cut("text", 10, 10)


@pytest.mark.parametrize("piece", ["\n", " \n", "\t ", "\n\n Wait ", "?", "' "])
def test_time_stays_linear_in_hostile_text(piece: str) -> None:
    """A bound that only a super-linear algorithm can miss."""

    def seconds(text: str) -> float:
        started = time.perf_counter()
        cut(text, 60_000, 4_000)
        return time.perf_counter() - started

    half, double = piece * (200_000 // len(piece)), piece * (400_000 // len(piece))
    assert min(seconds(double) for _ in range(2)) < 4 * min(seconds(half) for _ in range(2)) + 0.3


sentences = st.lists(st.tuples(st.integers(3, 60), st.sampled_from(["\n\n", "\n", " "])), min_size=1, max_size=60)


@settings(max_examples=300, deadline=None)
@given(sentences, st.integers(150, 600), st.booleans())
def test_perfect_decompositions_of_the_pieces_merge_into_that_of_the_whole(
    made: list[tuple[int, str]], longest: int, alike: bool
) -> None:
    """Each sentence is a step; every piece has exactly the steps that lie in it. Sentences may all read alike: it is
    their place that tells them apart."""
    text, steps = "", []
    for number, (length, space) in enumerate(made, 1):
        said = ("a" if alike else f"{number} ") + "b" * length + "."
        steps.append(
            Step(number, "why", f"what {number if not alike else ''}?", said, len(text), len(text) + len(said))
        )
        text += said + space
    pieces = cut(text, longest, 80)
    found = [[s for s in steps if piece.start <= s.span_start and s.span_end <= piece.end] for piece in pieces]
    assert merge(pieces, found) == tuple(steps)


SHARED = (Piece(0, 0, 100), Piece(60, 100, 200))


def test_steps_that_were_not_found_are_matched_by_their_words() -> None:
    left = [Step(1, "m", "what is a?", "a = 2", 10, 20), Step(2, "m", "How many eggs are left?", "16 - 3 - 4 = 9 eggs")]
    right = [Step(1, "n", "How many eggs are left", "16 - 3 - 4 = 9 eggs."), Step(2, "n", "the rest?", "c", 150, 160)]
    merged = merge(SHARED, [left, right])
    assert [step.index for step in merged] == [1, 2, 3]
    assert [step.answer for step in merged] == ["a = 2", "16 - 3 - 4 = 9 eggs.", "c"]


def test_what_only_one_piece_tells_of_the_shared_text_is_kept_in_its_place() -> None:
    left = [Step(1, "m", "q1", "one", 62, 70), Step(2, "m", "q3", "three", 85, 95)]
    right = [
        Step(1, "m", "q2", "two", 72, 80),
        Step(2, "m", "q3", "three", 85, 95),
        Step(3, "m", "q4", "four", 110, 120),
    ]
    assert [step.answer for step in merge(SHARED, [left, right])] == ["one", "two", "three", "four"]


@pytest.mark.parametrize(
    ("left", "right", "kept"),
    [
        (("9 * 2 =", 90, 97), ("9 * 2 = 18", 90, 100), "9 * 2 = 18"),  # the end of the earlier piece cut it
        (("So it is 9 * 2 = 18", 45, 64), ("9 * 2 = 18", 60, 64), "So it is 9 * 2 = 18"),  # the later one's beginning
    ],
)
def test_of_a_step_that_a_piece_saw_in_part_the_whole_is_kept(
    left: tuple[str, int, int], right: tuple[str, int, int], kept: str
) -> None:
    merged = merge(SHARED, [[Step(1, "m", "q", *left)], [Step(1, "m", "q", *right)]])
    assert [step.answer for step in merged] == [kept]


def test_a_step_that_is_said_again_later_is_no_repetition() -> None:
    left = [Step(1, "m", "what?", "18", 90, 92)]
    right = [Step(1, "m", "what?", "18", 150, 152)]
    assert len(merge(SHARED, [left, right])) == 2


def test_spans_move_with_their_piece() -> None:
    moved = shifted([Step(1, "m", "q", "a", 3, 5), Step(2, "m", "q", "a")], 100)
    assert [(step.span_start, step.span_end) for step in moved] == [(103, 105), (None, None)]
