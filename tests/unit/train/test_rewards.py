"""Rewards as TRL sees them: an unscored completion has no effect, on itself or its siblings."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from rlkd_data.collect.verify import Verifier
from rlkd_data.errors import InputError
from rlkd_data.schema import Step
from rlkd_data.structure.render import render
from rlkd_data.tables import read_rows
from rlkd_train.completions import COMPLETIONS, drop_after
from rlkd_train.gsrm import StructureScorer
from rlkd_train.problems import Task, with_teachers
from rlkd_train.rewards import EventLoop, Rewards, format_score
from tests.unit.train.scoring_fakes import FakeClient, WordJudge, decomposition

TASK = Task("p1", "What is 1 + 1?", "2", "math")
GOOD = "<think>\nadd them\n</think>\n\n\\boxed{2}"


@pytest.mark.parametrize(
    ("text", "score"),
    [
        (GOOD, 1.0),
        ("add them\n</think>\n\\boxed{2}", 1.0),  # the chat template had opened the tag
        ("<think>a</think> so 2", 0.5),
        ("so \\boxed{2}", 0.5),
        ("<think>a</think>", 0.0),
        ("<think>a</think>b</think>c", 0.0),
        ("<think><think>a</think>b", 0.0),
        ("two", 0.0),
    ],
)
def test_format_wants_one_closed_thought_and_a_boxed_answer(text: str, score: float) -> None:
    assert format_score(text) == score


@pytest.fixture
def rewards(tmp_path: Path):  # type: ignore[no-untyped-def]
    client = FakeClient(lambda asked: None if "lost" in asked else render([Step(1, "m", "q", "a")]))
    loop = EventLoop()
    teachers = {"p1": [decomposition("t1", "p1", ["mqa", "mqa"])]}
    scorer = StructureScorer(client, WordJudge(), teachers, max_tokens=64)  # type: ignore[arg-type]
    with Verifier() as verifier:
        yield Rewards(scorer, verifier, [TASK], loop, tmp_path / "completions"), client, tmp_path
    loop.close()


def call(made: Rewards, texts: list[str], step: int = 0) -> list[list[float | None]]:
    messages = [[{"role": "assistant", "content": text}] for text in texts]
    state = SimpleNamespace(global_step=step)
    return [f(completions=messages, problem_id=["p1"] * len(texts), trainer_state=state) for f in made.functions()]


def test_components_are_named_computed_once_and_kept(rewards) -> None:  # type: ignore[no-untyped-def]
    made, client, folder = rewards
    assert [f.__name__ for f in made.functions()] == ["structure", "accuracy", "format"]
    assert call(made, [GOOD, "the answer is 3"]) == [[0.5, 0.5], [1.0, 0.0], [1.0, 0.0]]
    assert len(client.asked) == 2
    rows = list(read_rows(folder / "completions", COMPLETIONS))
    assert [(r.step, r.structure, r.accuracy, r.teacher) for r in rows] == [(1, 0.5, 1.0, "t1"), (1, 0.5, 0.0, "t1")]


def test_an_unscored_completion_has_no_component_at_all(rewards) -> None:  # type: ignore[no-untyped-def]
    made, _, folder = rewards
    assert call(made, ["lost \\boxed{2}", GOOD]) == [[None, 0.5], [None, 1.0], [None, 1.0]]
    assert next(read_rows(folder / "completions", COMPLETIONS)).unscored == "gsrm:server_error"


def trl_advantages(rewards_per_func: list[list[float | None]], weights: list[float]) -> list[float]:
    """The `sum_then_normalize` branch of TRL 1.16's `_generate_and_score_completions`, on one group."""
    import torch
    from trl.trainer.utils import nanstd

    columns = torch.tensor([[float("nan") if v is None else v for v in column] for column in rewards_per_func]).T
    unscorable = torch.isnan(columns).all(dim=1)
    total = (columns * torch.tensor(weights)).nansum(dim=1)
    total[unscorable] = torch.nan
    advantages = (total - torch.nanmean(total)) / (nanstd(total) + 1e-4)
    return torch.nan_to_num(advantages, nan=0.0).tolist()


def test_siblings_of_an_unscored_completion_have_the_advantages_they_would_have_without_it(rewards) -> None:  # type: ignore[no-untyped-def]
    made, _, _ = rewards
    weights = [0.5, 0.5, 0.1]
    alone = trl_advantages(call(made, [GOOD, "3", "so \\boxed{2}"], 0), weights)
    with_outage = trl_advantages(call(made, [GOOD, "lost", "3", "so \\boxed{2}"], 1), weights)
    assert with_outage[1] == 0.0
    assert [with_outage[0], *with_outage[2:]] == pytest.approx(alone)
    assert len(set(alone)) == 3


def test_steps_behind_a_checkpoint_are_forgotten(rewards) -> None:  # type: ignore[no-untyped-def]
    made, _, folder = rewards
    for step in range(3):
        call(made, [GOOD], step)
    drop_after(folder / "completions", 2)
    assert [row.step for row in read_rows(folder / "completions", COMPLETIONS)] == [1, 2]


def test_a_problem_without_a_teacher_is_named_before_training() -> None:
    teachers = {"p1": [decomposition("t1", "p1", ["mqa"])]}
    other = Task("p2", "?", None, "math")
    with pytest.raises(InputError, match=r"1 of 2 problems have no decomposition.*problem_id p2"):
        with_teachers([TASK, other], teachers, skip_missing=False)
    assert with_teachers([TASK, other], teachers, skip_missing=True) == [TASK]
    with pytest.raises(InputError, match="no problem has"):
        with_teachers([other], teachers, skip_missing=True)
