"""What a GSRM's replies are worth against gold."""

import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlkd_data.schema import Step
from rlkd_data.structure.outcome import outcome
from rlkd_train.gsrm.quality import compare, figures, matches


def steps(*answers, meta="m", question="q"):
    return [Step(i, meta, question, answer) for i, answer in enumerate(answers, 1)]


@pytest.mark.parametrize(
    ("answer", "arrives"),
    [
        ("She makes 9 * 2 = $18 every day for 7 days", Decimal(18)),
        ("It costs 1,200.50", Decimal("1200.5")),
        ("x = y, so 4", Decimal(4)),
        ("3 = 3 = .5", Decimal("0.5")),
        ("She  is Happy", "she is happy"),
    ],
)
def test_an_answer_arrives_at_its_number_or_else_its_words(answer, arrives):
    assert outcome(answer) == arrives


def test_steps_match_in_order_by_what_they_arrive_at():
    gold = steps("2+2=4", "4+1=5", "5*2=10")
    assert matches(gold, steps("= 4", "= 10")) == [(0, 0), (2, 1)]
    assert matches(gold, steps("= 10", "= 4")) in ([(0, 1)], [(2, 0)])
    assert matches(gold, []) == []


def test_figures_count_steps_over_all_rows():
    gold = steps("4", "5")
    right = compare(gold, "5", gold, "5.0")
    half = compare(gold, "5", steps("4", "7", "8", meta="n"), None)
    made = figures([right, half])
    assert made["step_recall"] == 3 / 4
    assert made["step_precision"] == 3 / 5
    assert made["step_f1"] == pytest.approx(2 * 0.75 * 0.6 / 1.35)
    assert made["final_answer_accuracy"] == made["step_count_agreement"] == 0.5
    assert made["meta_reasoning_exact"] == 2 / 4
    assert made["sub_problem_exact"] == 3 / 4
    assert made["parse_rate"] == 1


def test_a_rejected_reply_counts_as_no_steps_and_is_counted_by_its_codes():
    gold = steps("4", "5")
    made = figures([compare(gold, "5", gold, "5", codes=["numbering"]), compare(gold, "5", gold, "5")])
    assert made["parse_rate"] == made["step_recall"] == made["final_answer_accuracy"] == 0.5
    assert made["step_precision"] == 1
    assert made["code:numbering"] == 1


def test_no_rows_give_no_shares():
    assert figures([]) == {"rows": 0}
    assert figures([compare(steps("4"), None, [], None)])["step_f1"] == 0


@given(st.lists(st.integers(0, 5)), st.lists(st.integers(0, 5)))
def test_pairs_rise_on_both_sides_and_agree(left, right):
    gold, predicted = steps(*map(str, left)), steps(*map(str, right))
    pairs = matches(gold, predicted)
    assert all(left[i] == right[j] for i, j in pairs)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in itertools.pairwise(pairs))
    assert len(matches(gold, gold)) == len(gold)
