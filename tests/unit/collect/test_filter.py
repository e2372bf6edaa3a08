"""Which traces of a problem are kept."""

import pytest

from rlkd_data.collect.filter import Draft, Policy, pass_rate, select
from rlkd_data.schema import Sampling
from tests.support.report_rows import trace


def draft(correct, reasoning="r", *, reason=None, rate=None, index=0):
    from dataclasses import replace

    row = trace(f"t{index}", reasoning=reasoning, correct=correct)
    return Draft(replace(row, pass_rate=rate, sampling=Sampling(sample_index=index)), reason)


RIGHT, WRONG, UNKNOWN, CUT = draft(True), draft(False), draft(None), draft(None, reason="truncated")


@pytest.mark.parametrize(
    ("attempts", "rate"),
    [
        ([RIGHT], 1.0),
        ([RIGHT, WRONG, WRONG, WRONG], 0.25),
        ([RIGHT, UNKNOWN], 1.0),  # what could not be judged does not count
        ([RIGHT, CUT], 0.5),  # what was cut off did not solve it
        ([RIGHT, *[draft(None, reason="no_response")] * 3], 0.25),  # nor did a thought without a response
        (
            [RIGHT, *[draft(None, reason=why) for why in ("unfinished", "thought_marks", "redacted")]],
            1.0,
        ),  # may be right
        ([CUT, CUT], 0.0),
        ([UNKNOWN, CUT], None),
        ([UNKNOWN], None),
        ([draft(None, reason="too_long")], None),  # was never answered
        ([], None),
    ],
)
def test_pass_rates(attempts, rate):
    assert pass_rate(attempts) == rate


def test_without_a_gold_answer_there_is_no_pass_rate():
    from dataclasses import replace

    assert pass_rate([replace(CUT, trace=replace(CUT.trace, answer=None))]) is None


def reasons(attempts, **policy):
    return [found.reason for found in select(attempts, Policy(**policy))]


def test_all_is_all():
    assert reasons([RIGHT, WRONG, UNKNOWN, CUT]) == [None, None, None, "truncated"]


def test_correct_keeps_what_was_found_right():
    assert reasons([RIGHT, WRONG, UNKNOWN, CUT], keep="correct") == [None, "incorrect", "unverified", "truncated"]


def test_best_is_the_shortest_right_one_and_of_equal_ones_the_first():
    attempts = [
        draft(True, "long" * 9, index=0),
        draft(False, "", index=1),
        draft(True, "short", index=3),
        draft(True, "brief", index=2),
        draft(None, "", index=4),
    ]
    assert reasons(attempts, keep="best") == ["not_kept", "incorrect", "not_kept", None, "not_kept"]


def test_best_of_what_nobody_could_judge_is_the_shortest_and_of_wrong_ones_none():
    assert reasons([draft(None, "longer"), draft(None, "short"), WRONG], keep="best") == ["not_kept", None, "incorrect"]
    assert reasons([WRONG, WRONG, CUT], keep="best") == ["incorrect", "incorrect", "truncated"]


@pytest.mark.parametrize(
    ("rate", "reason"), [(0.0, "too_hard"), (0.25, None), (0.75, None), (1.0, "too_easy"), (None, "no_pass_rate")]
)
def test_difficulty(rate, reason):
    attempts = [draft(True, rate=rate), draft(None, reason="refused", rate=rate)]
    assert reasons(attempts, min_pass_rate=0.25, max_pass_rate=0.75) == [reason, "refused"]


def test_structure_keeps_the_best_built_of_the_right_ones_and_of_equals_the_shortest():
    built = (
        "The problem asks for the sum of two numbers that are both given in its first line, as they often are in it.\n"
        "First, we need to write the two numbers below each other, which is how sums are worked out by hand.\n"
        "1 + 1 = 2, for one and one more are two, as everybody learns before anything else is learned about numbers.\n"
        "Let me check this by taking the one away again, which has to leave the other one where it was at first.\n"
        "So the final answer is 2."
    )
    attempts = [draft(True, "1 + 1 = 2", index=0), draft(True, built, index=1), draft(False, built, index=2)]
    assert reasons(attempts, keep="structure") == ["not_kept", None, "incorrect"]
    assert reasons([draft(True, "2 = 1 + 1", index=0), draft(True, "1=2-1", index=1)], keep="structure") == [
        "not_kept",
        None,
    ]
