"""Rewards of a user's own, and one without structure: who is asked, what is left out, how mistakes are told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rlkd_data.answers.verify import Verifier
from rlkd_data.errors import InputError
from rlkd_data.run.fingerprint import settings_identity
from rlkd_data.run.pipeline import check_settings
from rlkd_data.tables import TableWriter, read_rows
from rlkd_train.config import GrpoSettings, GuardsSettings, OwnRewardSettings, RewardWeights, ShapingSettings
from rlkd_train.problems import Task
from rlkd_train.reward.completions import COMPLETIONS
from rlkd_train.reward.components import Scoring
from rlkd_train.reward.own import OwnReward

TASKS = [Task("p1", "How much is 1 + 1?", "2", "math"), Task("p2", "And 2 + 2?", "4", "math")]
RIGHT = "<think>\nadd\n</think>\n\n\\boxed{2}"


def by_length(completions: list[Any], **_: Any) -> list[float]:
    return [float(len(text)) for text in completions]


async def later(completions: list[Any], answer: list[str], prompts: list[Any], **_: Any) -> list[float]:
    assert len(answer) == len(prompts) == len(completions)
    return [float(one) for one in answer]


def some(completions: list[Any], problem_id: list[str], **_: Any) -> list[float | None]:
    return [1.0 if "six" in text else None for text in completions]


def few(completions: list[Any], **_: Any) -> list[float]:
    return [1.0]


def words(completions: list[Any], **_: Any) -> list[str]:
    return ["much" for _ in completions]


def endless(completions: list[Any], **_: Any) -> list[float]:
    return [float("inf") for _ in completions]


def leaves(completions: list[Any], **_: Any) -> list[float]:
    raise SystemExit(0)


def broken(completions: list[Any], **_: Any) -> list[float]:
    return [1 / 0 for _ in completions]


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(1) as found:
        yield found


def own(name: str, weight: float = 1.0, shown: str | None = None) -> OwnReward:
    return OwnReward(OwnRewardSettings(function=f"{__name__}:{name}", weight=weight, name=shown))


def scoring(verifier: Verifier, *rewards: OwnReward, **more: Any) -> Scoring:
    weights = RewardWeights(structure=0.0, accuracy=1.0, **more)
    return Scoring(
        None, verifier, TASKS, weights, GuardsSettings(), own=rewards, shaping=ShapingSettings(ngram=2), longest=100
    )


def test_without_structure_nobody_is_asked_and_the_rest_counts(verifier: Verifier, tmp_path: Path) -> None:
    made = scoring(verifier, own("by_length", 0.01), own("later", 0.5, "gold"), overlong=2.0, repetition=1.0)
    assert made.parts == ("accuracy", "format", "tag_count", "penalty", "overlong", "repetition", "by_length", "gold")
    rows, _ = made.score([RIGHT, "six six six"], ["p1", "p2"], 1, tokens=[90, 20])
    assert [row.unscored for row in rows] == [None, None]
    assert rows[0].total == pytest.approx(1.0 + 0.1 + 2.0 * -0.5 + 0.01 * len(RIGHT) + 0.5 * 2.0)
    assert rows[1].total == pytest.approx(0.0 + 0.0 - 0.5 + 0.01 * 11 + 0.5 * 4.0)
    with TableWriter(tmp_path, COMPLETIONS) as table:
        for row in rows:
            table.add(row)
    assert list(read_rows(tmp_path, COMPLETIONS)) == rows


def test_one_that_is_missing_for_some_leaves_those_out_for_all_it_says_nothing(verifier: Verifier) -> None:
    texts, names = ["six \\boxed{2}", RIGHT, RIGHT, "\\boxed{4}"], ["p1", "p1", "p2", "p2"]
    rows, _ = scoring(verifier, own("some")).score(texts, names, 1)
    assert [row.unscored for row in rows] == [None, "some: none", None, None]
    assert [row.total for row in rows] == [pytest.approx(2.05), None, pytest.approx(0.1), pytest.approx(1.05)]
    rows, _ = scoring(verifier, own("some", 0.0)).score(texts, names, 1)  # it does not count
    assert [row.unscored for row in rows] == [None] * 4


def test_a_length_whose_answer_nobody_could_judge_leaves_its_completion_out(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As 0 it would be more than a wrong answer's length, and less than a right one's."""
    from rlkd_data.answers.verify import Verdict

    verdicts = [Verdict(True, "right"), Verdict(None, "null: timeout"), Verdict(False, "wrong")]
    monkeypatch.setattr(verifier, "verify_all", lambda jobs: verdicts)
    made = scoring(verifier, length=1.0)
    made._weights = RewardWeights(structure=0.0, accuracy=0.0, length=1.0)
    rows, _ = made.score([RIGHT, "late", "wrong"], ["p1"] * 3, 1, tokens=[9, 9, 9])
    assert [row.unscored for row in rows] == [None, "accuracy:timeout", None]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("few", "few gave 1 values for 2 completions"),
        ("words", "words gave 'much', which is neither a number nor None"),
        ("endless", "endless gave inf, from which nothing can be learned"),
        ("leaves", "leaves failed: SystemExit: 0 ("),
        ("broken", "broken failed: ZeroDivisionError: division by zero ("),
    ],
)
def test_one_that_fails_is_named_in_one_line(verifier: Verifier, name: str, told: str) -> None:
    with pytest.raises(InputError) as raised:
        scoring(verifier, own(name)).score([RIGHT, RIGHT], ["p1", "p1"], 1)
    assert told in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("no_such_module:f", "no_such_module:f cannot be imported: ModuleNotFoundError: No module named"),
        (f"{__name__}:nothing", "has no 'nothing'"),
        (f"{__name__}:TASKS", "is no function"),
    ],
)
def test_one_that_is_not_there(path: str, told: str) -> None:
    with pytest.raises(InputError) as raised:
        OwnReward(OwnRewardSettings(function=path))
    assert told in str(raised.value) and "\n" not in str(raised.value)


BASE = {"model": "m", "traces": ["t"]}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "structure counts or is measured, which needs the teachers' `decompositions`"),
        ({"weights": {"structure": 0}, "measure": ["structure"]}, "needs the teachers' `decompositions`"),
        ({"weights": {"structure": 0}, "rewards": [{"function": "f"}]}, "write it as my.module:function"),
        ({"weights": {"structure": 0}, "rewards": [{"function": "m:accuracy"}]}, "is the name of another part"),
        ({"weights": {"structure": 0}, "measure": ["accuracy"]}, "measure"),
        ({"weights": {"structure": 0}, "dynamic_sampling": 2, "trl": {"scale_rewards": "batch"}}, "group or none"),
        ({"weights": {"structure": 0}, "shaping": {"longest": 5, "cache": 9}}, "more than the 5 tokens"),
    ],
)
def test_settings_that_do_not_go_together(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        check_settings(GrpoSettings, BASE | settings, "x.yaml")


def test_what_came_later_is_no_part_of_a_runs_identity_while_it_stands_at_its_default() -> None:
    plain = GrpoSettings.model_validate(BASE | {"decompositions": ["d"]})
    identity = settings_identity(plain)
    assert not {"trl", "rewards", "measure", "shaping", "dynamic_sampling"} & set(identity)
    assert set(identity["weights"]) == {"alpha", "structure", "accuracy", "format", "tag_count"}
    changed = GrpoSettings.model_validate(BASE | {"decompositions": ["d"], "weights": {"overlong": 1}})
    assert settings_identity(changed)["weights"]["overlong"] == 1.0
    assert plain.parts == ("structure", "accuracy", "format", "tag_count", "penalty")
