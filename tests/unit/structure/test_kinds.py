"""What a step does, told by its words: single rules, and steps of real traces that a person has labelled."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlkd_data.schema import Step
from rlkd_data.structure.kinds import KINDS, abandoned, kind_of, kinds, share_abandoned
from rlkd_data.structure.shape import passages, shape

LABELLED = Path(__file__).resolve().parents[2] / "data" / "structure" / "kinds.jsonl"


def steps(*answers: str, asked: str = "What now?") -> tuple[Step, ...]:
    return tuple(Step(n, "Next.", asked, said) for n, said in enumerate(answers, 1))


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Okay, so I have this problem where I need to find the angle.", "setting_up"),
        ("We are given a triangle with sides 3, 4 and 5.", "setting_up"),
        ("Let's try to factor the quadratic first.", "planning"),
        ("Alternatively, maybe I can use the cosine rule here.", "planning"),
        ("48 / 2 = 24", "computing"),
        ("The lamp is red, and the door is open.", "computing"),
        ("Let me double-check the product.", "checking"),
        ("Yes, that is consistent with the second condition.", "checking"),
        ("Wait, that's not right.", "backtracking"),
        ("Hmm, this doesn't work for odd n.", "backtracking"),
        ("So the answer is 72.", "concluding"),
        ("\\boxed{72}", "concluding"),
        ("", "computing"),
    ],
)
def test_a_sentence_has_the_kind_of_its_words(said: str, kind: str) -> None:
    assert kinds(steps(said)) == (kind,)


def test_a_bare_answer_to_a_checking_question_checks() -> None:
    assert kind_of(*steps("Both sides are 12.", asked="Is this right?")) == "checking"
    assert kind_of(*steps("6 + 6 = 12", asked="Is this right?")) == "computing"


def test_a_step_comes_to_nothing_where_it_says_so_or_the_next_one_drops_it() -> None:
    told = steps("x = 3", "That contradicts the first line.", "x = 4", "Wait, I made a mistake.", "x = 5")
    assert abandoned(told) == [False, True, True, False, False]
    assert share_abandoned(told) == 0.4
    assert share_abandoned(()) is None


def test_labelled_steps_of_real_traces_are_told_better_than_by_chance_also_where_rules_were_not_made_on_them() -> None:
    rows = [json.loads(line) for line in LABELLED.read_text("utf-8").splitlines()]
    assert {row["kind"] for row in rows} == set(KINDS)
    assert {row["license"] for row in rows} <= {"MIT", "CC0-1.0"}
    for held_out in (False, True):
        some = [row for row in rows if row["held_out"] is held_out]
        right = sum(kind_of(Step(1, "", "", row["text"])) == row["kind"] for row in some)
        assert right >= 0.55 * len(some)


def test_a_text_that_sets_up_plans_computes_checks_and_concludes_is_built_better_than_one_that_wanders() -> None:
    good = (
        "The problem asks how many clips were sold in both months, April and May, in all, given those of April.\n"
        "First, we need to find the clips of May, and for that we can use that they are half as many as in April.\n"
        "48 / 2 = 24, and 48 + 24 = 72.\nLet me check: 72 - 24 = 48, which is correct.\nSo the answer is 72."
    )
    lost = (
        "48 * 2 = 96. Wait, that's wrong. Alternatively, 48 + 2 = 50. That doesn't work. 48 / 3 = 16. No, that's wrong."
    )
    assert shape(good).score > shape(lost).score
    assert shape("").passages == 0
    assert " ".join(passages(good)) == " ".join(good.split())
