import pytest

from rlkd_data.report.align import aligned
from tests.support.report_rows import completion, student_steps, verdicts

STEPS = student_steps(("Begin", "How many?", "8"), ("Add", "In all?", "13"), ("Check", "Right?", "yes"))
SAME, OTHER = (True, "equal"), (False, "llm")


def row(*steps, teacher="t1", **values):
    return completion(1, "p", steps=STEPS, verdicts=verdicts("t1", *steps), teacher=teacher) | values


def test_every_part_has_its_verdict_and_every_step_its_score():
    found = aligned(row((SAME, OTHER, SAME), (SAME, OTHER, OTHER), (SAME, SAME, SAME)))
    assert found["parts"] == [
        [SAME, OTHER, SAME, 0.5],
        [SAME, OTHER, OTHER, 0.25],
        [SAME, SAME, SAME, 1.0],
    ]
    assert found["steps"][1] == ["Add", "In all?", "13"]


def test_behind_the_gate_nothing_was_asked_and_what_was_asked_in_vain_scores_0():
    assert aligned(row((SAME, SAME, SAME), (OTHER,)))["parts"] == [[SAME, SAME, SAME, 1.0], [OTHER, None, None, 0.0]]
    assert aligned(row((OTHER,), (SAME,)))["parts"][1] == [SAME, None, None, 0.0]


def test_from_a_verdict_on_that_did_not_come_there_is_no_score():
    lost = (None, "unavailable")
    found = aligned(row((SAME, SAME, SAME), (SAME, lost, SAME), (SAME, SAME, SAME), teacher=None))
    assert [part[3] for part in found["parts"]] == [1.0, None, None]
    assert found["parts"][1][1] == lost


def test_the_verdicts_shown_are_those_of_the_best_teacher():
    both = verdicts("t1", (OTHER,)) + verdicts("t2", (SAME, SAME, SAME))
    found = aligned(row(verdicts=both, teacher="t2"))
    assert (found["teacher"], found["teachers"], found["parts"]) == ("t2", 2, [[SAME, SAME, SAME, 1.0]])


def test_of_an_unscored_completion_it_is_the_teacher_whose_verdict_is_lacking():
    both = verdicts("t1", (SAME, SAME, SAME)) + verdicts("t2", ((None, "timeout"),))
    assert aligned(row(verdicts=both, teacher=None))["teacher"] == "t2"


def test_a_run_of_an_older_version_has_no_steps():
    found = aligned(completion(1, "p"))
    assert (found["teacher"], found["steps"], found["parts"]) == ("t1", [], [])


@pytest.mark.parametrize("step", [0, 4, 10**12])
def test_a_verdict_about_no_step_of_the_completion_is_left_out(step):
    odd = {"teacher": "t1", "step": step, "part": "meta", "match": True, "how": "?"}
    assert aligned(row(verdicts=[odd]))["parts"] == []
