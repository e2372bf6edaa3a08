"""Whether two answers are the same, by kind, whichever is gold; with the problem at hand; and what is policy."""

from __future__ import annotations

import pytest

from rlkd_data.answers.engine import MathVerify
from rlkd_data.answers.verdict import Job, Verdict, decide
from rlkd_data.schema import Domain
from tests.unit.answers.pairs_by_kind import PAIRS
from tests.unit.answers.pairs_of_formulas import FORMULAS

ENGINE = MathVerify()
CITY = "What is the capital of France?\nA. Lyon\nB. Paris\nC. Marseille\nD. Nice"
VALUE = "How much is it?\n(A) 5\n(B) 7\n(C) \\frac{1}{2}\n(D) none of these"
INLINE = "Which? $\\textbf{(A)}\\ 12 \\qquad \\textbf{(B)}\\ 15 \\qquad \\textbf{(C)}\\ 18 \\qquad \\textbf{(D)}\\ 20$"
CHINESE = "法国的首都是哪里？\nA. 里昂\nB．巴黎\nC、马赛\nD：尼斯"
HUNDREDTH = "Find the ratio. Round to the nearest hundredth."
FOUR = "Give your answer as a decimal to four decimal places."
DECIMAL = "Express the answer as a decimal."


def verdict(gold: str, answer: str, problem: str | None = None, domain: Domain = "math") -> bool | None:
    return decide(Job(gold, answer, domain, problem), ENGINE).is_correct


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param(*pair, id=f"{kind}: {pair[0]} | {pair[1]}")
        for kind, pairs in (PAIRS | FORMULAS).items()
        for pair in pairs
    ],
)
def test_two_answers_are_compared_the_same_way_round_and_back(one: str, other: str, same: bool | None) -> None:
    assert verdict(one, other) is same
    assert verdict(other, one) is same


@pytest.mark.parametrize(
    ("gold", "answer", "right", "problem"),
    [
        ("B", "Paris", True, CITY), ("B", "B. Paris", True, CITY), ("B", "Lyon", False, CITY), ("B", "C", False, CITY),
        ("Paris", "B", True, CITY), ("B", "B, not A", True, CITY), ("B", "not A but B", True, CITY),
        ("B", "It's not A, it's B", True, CITY), ("B", "A is wrong, so B", True, CITY), ("B", "b", True, CITY),
        ("B", "\\text{B}", True, CITY), ("B", "C. Paris", False, CITY), ("B", "The capital is Paris", None, CITY),
        ("C", "0.5", True, VALUE), ("A", "5.0", True, VALUE), ("A", "7", False, VALUE), ("0.5", "C", True, VALUE),
        ("C", "18", True, INLINE), ("C", "15", False, INLINE), ("C", "\\textbf{(C)}\\ 18", True, INLINE),
        ("B", "巴黎", True, CHINESE), ("B", "里昂", False, CHINESE), ("B", "答案是B", True, CHINESE),
        ("B", "B。不是 A", True, CHINESE), ("B", "不是A，是B", True, CHINESE), ("B", "应选 B", True, CHINESE),
        ("B", "答案：A", False, CHINESE), ("B", "B．巴黎", True, CHINESE),
    ],
)  # fmt: skip
def test_options_are_named_by_letter_or_text(gold: str, answer: str, right: bool | None, problem: str) -> None:
    assert verdict(gold, answer, problem) is right


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        ("D", "The answer is for sure D, it can't be A or B", True), ("C", "réponse est C non A", True),
        ("B", "B。不是 A", True), ("A", "B。不是 A", False), ("C", "therefore I think it's C", True),
        ("B", "therefore I think it's C", False), ("A", "A Peter", True), ("B", "A or B", False),
        ("A", "A and B", False), ("A, B", "B and A", True), ("A, C", "A", False),
    ],
)  # fmt: skip
def test_letters_are_read_without_the_problem(gold: str, answer: str, right: bool) -> None:
    assert verdict(gold, answer, None, "science") is right


@pytest.mark.parametrize(
    ("gold", "answer", "right", "problem"),
    [
        ("0.33", "1/3", True, HUNDREDTH), ("0.33", "0.333", True, HUNDREDTH), ("0.33", "0.3", False, HUNDREDTH),
        ("0.33", "0.34", False, HUNDREDTH), ("1/3", "0.33", True, HUNDREDTH), ("1/3", "0.3", False, HUNDREDTH),
        ("\\sqrt{2}", "1.41", True, HUNDREDTH), ("\\sqrt{2}", "1.42", False, HUNDREDTH),
        ("0.8333", "5/6", True, FOUR), ("0.8333", "0.83", False, FOUR), ("5/6", "0.8333", True, FOUR),
        ("0.8333", "5/6", True, DECIMAL), ("5/6", "0.8333", None, DECIMAL),
        ("16386.17", "16386.169", True, "Round to the nearest cent."),
        ("16386.17", "16386.16", False, "Round to the nearest cent."),
        ("0.8333", "\\frac{5}{6}", True, "结果保留四位小数。"),
        ("0.8333", "5/6", False, "How much is it?"), ("0.8333", "5/6", False, None),
        ("0.5", "0.5%", True, "What percent of it?"), ("10", "a+b=10", True, "Find $a+b$."),
        ("x+y=10", "10", False, "Which line?"),
    ],
)  # fmt: skip
def test_the_problem_says_what_was_asked_for(gold: str, answer: str, right: bool | None, problem: str | None) -> None:
    assert verdict(gold, answer, problem) is right


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        ("40", "\\boxed{40}", True), ("40", "<answer>40</answer>", True), ("40", "#### 40", True),
        ("3, 5", "\\boxed{3} and \\boxed{5}", True), ("5", "\\boxed{3} and \\boxed{5}", False),
        ("5", "\\boxed{3}. Wait, \\boxed{5}", True), ("3", "\\boxed{3}. Wait, \\boxed{5}", False),
        ("18", "The answer is therefore 18, not 20.", True), ("20", "The answer is therefore 18, not 20.", False),
        ("18", "18, not 20", True), ("18", "18 or 20", False), ("18", "18!", False), ("18", "at least 18", None),
        ("12", "half of 12", None), ("6", "half of 12", False), ("12", "twice $12$", None), ("12", "3 times 12", None),
        ("12", "She has 12 left over.", True), ("12", "She needs 12 more.", True), ("12", "12 less than before", None),
        ("9", "9 times", True), ("99", "1. **So**: 11 * 9 = 99 2. **Also**: there are 99 marbles in all.", True),
        ("60 km/h", "The speed is 60 km/h.", True), ("60 km", "The speed is 60 km/h.", False),
        ("15 l/min", "The rate is 15 litres a minute.", True), ("5", "He earns 5 a day.", True),
        ("25 m^2", "So the area is 25 square meters.", True), ("25 m", "So the area is 25 m^2.", False),
        ("70", "Le coût final est donc de 100 - 30 = 70", True), ("3", "共有3个苹果。", True),
        ("3", "共有3个苹果和5个梨。", False), ("192", "因此，杰西开始慢跑前的体重是192公斤。", True),
    ],
)  # fmt: skip
def test_sentences_are_read_for_what_they_state(gold: str, answer: str, right: bool | None) -> None:
    assert verdict(gold, answer) is right


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("3,3,5", "3,5,5", False), ("2, 2, 9", "2, 9, 9", False), ("1,1,2", "2,1,1", True),
        ("{1,1,2}", "{1,2,2}", True),
        ("2 to 1", "1 to 2", None), ("1 in 5", "5 in 1", None), ("May 5, 2020", "5 May 2020", True),
    ],
)  # fmt: skip
def test_each_part_counts_once(one: str, other: str, same: bool | None) -> None:
    assert verdict(one, other) is same and verdict(other, one) is same


@pytest.mark.parametrize("answer", ["It can't be 5", "It cannot be 5", "I don’t think it is 5", "It is hardly 5"])
def test_a_denied_number_is_not_the_answer(answer: str) -> None:
    assert verdict("5", answer) is not True


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        (Job("18", "I think she has many", "math"), Verdict(False, "unreadable answer")),
        (Job("18", "", "math"), Verdict(False, "no answer")),
        (Job(None, "18", "math"), Verdict(None, "null: no gold answer")),
        (Job("5 km", "5000 m", "math"), Verdict(None, "null: open: units")),
        (Job("the long way round", "through the valley", "math"), Verdict(None, "null: free text")),
        (Job("print(1)", "print(1)", "code"), Verdict(None, "null: code is not run")),
    ],
)
def test_what_cannot_be_judged_is_told_apart(job: Job, expected: Verdict) -> None:
    assert decide(job, ENGINE) == expected
    assert expected.differs is False


def test_an_answer_that_is_read_and_another_differs() -> None:
    assert decide(Job("18", "20", "math"), ENGINE).differs
