"""No pattern that meets a stranger's text needs time exponential in its length: each is tried on what repeats."""

from __future__ import annotations

import importlib
import pkgutil
import re
import signal
from collections.abc import Iterator
from itertools import product

import pytest

import rlkd_data.answers
import rlkd_data.judges
import rlkd_data.structure
from rlkd_train.reward.injections import talks_to_judge

ROOMS = (rlkd_data.answers, rlkd_data.judges, rlkd_data.structure)
PURE = ("again", "answerless", "formats", "guards", "idle", "injections")
AGAIN = (
    "a ", "1 ", "1,", "a", "A", "个", " ", "\n", " \n", "A and ", "a, ", "A, ", "**a** ", "{", "\\a", "(", "$1 ",
    "a-", "a/", "a.b/", "1:", "| ", "a=", "not A, ", "\"a\",", "<a>", "x*", "μ", "m ",
)  # fmt: skip
AROUND = (("", "!"), ("5 ", "\x00"), ("A> x\n", "C"), ("A", "?"))
TIMES = 30


def modules() -> Iterator[str]:
    for room in ROOMS:
        for found in pkgutil.iter_modules(room.__path__, room.__name__ + "."):
            if not found.ispkg and ".sandbox_" not in found.name:
                yield found.name
    yield from (f"rlkd_train.reward.{name}" for name in PURE)


def patterns(name: str) -> list[re.Pattern[str]]:
    values = vars(importlib.import_module(name)).values()
    flat = [one for value in values for one in (value if isinstance(value, (list, tuple)) else (value,))]
    return [one for one in flat if isinstance(one, re.Pattern) and isinstance(one.pattern, str)]


@pytest.fixture
def alarm() -> Iterator[None]:
    """Breaks off what would not end in a lifetime."""

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("alarm")
def test_no_pattern_hangs_on_what_repeats() -> None:
    texts = [before + again * TIMES + behind for again, (before, behind) in product(AGAIN, AROUND)]
    hung = []
    for name in modules():
        for pattern in patterns(name):
            signal.setitimer(signal.ITIMER_REAL, 10)
            try:
                for text in texts:
                    pattern.search(text)
                    pattern.fullmatch(text)
            except TimeoutError:
                hung.append((name, pattern.pattern))
    assert hung == []


@pytest.mark.usefixtures("alarm")
@pytest.mark.parametrize("text", ["A> x\n" + "\n" * 4000 + "B> y", "\n" * 20000 + "answer yes", "  Pair 3, plans"])
def test_a_question_of_the_judge_is_forged_across_any_gap(text: str) -> None:
    signal.setitimer(signal.ITIMER_REAL, 30)
    assert talks_to_judge(text)
