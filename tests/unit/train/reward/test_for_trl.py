"""Rewards as TRL sees them: every component on its own, an unscored completion without any, and what stops a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from rlkd_data.answers.verify import Verifier
from rlkd_data.errors import InputError
from rlkd_data.schema import Step
from rlkd_data.structure.render import render
from rlkd_data.tables import read_rows
from rlkd_train.config import GuardsSettings, RewardWeights, StructureSettings
from rlkd_train.problems import Task, with_teachers
from rlkd_train.reward import structure as structure_reward
from rlkd_train.reward.accuracy import accuracy_of, job_of
from rlkd_train.reward.completions import COMPLETIONS, drop_after
from rlkd_train.reward.components import Scoring, total
from rlkd_train.reward.for_trl import Rewards, RunStopped
from rlkd_train.reward.formats import format_score, tag_count
from rlkd_train.reward.scorer import Completion, StructureScorer
from rlkd_train.reward.structure import StructureReward
from tests.support.scoring_fakes import FakeClient, WordJudge, decomposition

TASK = Task("p1", "What is 1 + 1?", "2", "math")
GOOD = "<think>\nadd them\n</think>\n\n\\boxed{2}"


@pytest.mark.parametrize(
    ("text", "form", "tags"),
    [
        (GOOD, 1.0, 1.0),
        ("add them\n</think>\n\\boxed{2}", 1.0, 1.0),  # the chat template had opened the tag
        ("<think>a</think> so 2", 0.5, 0.5),
        ("so \\boxed{2}", 0.5, 0.0),
        ("<think>a</think>", 0.0, 0.5),
        ("<think>a</think>\\boxed{1} \\boxed{2}", 1.0, 0.75),
        ("<think>a</think>b</think>\\boxed{2}", 0.5, 0.75),
        ("<think><think>a</think>b", 0.0, 0.25),
        ("two", 0.0, 0.0),
        ("", 0.0, 0.0),
    ],
)
def test_format_wants_one_closed_thought_and_a_boxed_answer_and_tags_count_one_by_one(
    text: str, form: float, tags: float
) -> None:
    assert (format_score(text), tag_count(text)) == (form, tags)


class Made:
    """The rewards of a run whose models are stand-ins."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path, verifier: Verifier) -> None:
        self.client = FakeClient(lambda asked: None if "lost" in asked else render([Step(1, "m", "q", "a")]))
        self.teachers = {"p1": [decomposition("t1", "p1", ["mqa", "mqa"])]}
        self.folder, self.verifier = folder, verifier

        async def opened(*_: object) -> object:
            return StructureScorer(self.client, WordJudge(), self.teachers, max_tokens=64), {}  # type: ignore[arg-type]

        patch.setattr(structure_reward, "_open", opened)

    def rewards(self, max_unscored: float = 0.9, **guards: object) -> Rewards:
        settings = GuardsSettings.model_validate(guards)
        structure = StructureReward(StructureSettings(), self.teachers)
        scoring = Scoring(structure, self.verifier, [TASK], RewardWeights(), settings)
        return Rewards(scoring, self.folder, settings, max_unscored)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    with Verifier(1) as verifier:
        yield Made(monkeypatch, tmp_path / "completions", verifier)


def call(made: Rewards, texts: list[str], step: int = 0, **more: object) -> list[list[float | None]]:
    messages = [[{"role": "assistant", "content": text}] for text in texts]
    state = SimpleNamespace(global_step=step)
    given = {"completions": messages, "problem_id": ["p1"] * len(texts), "trainer_state": state}
    return [f(**given, **more) for f in made.functions()]


def test_components_are_named_computed_once_and_kept(made: Made) -> None:
    rewards = made.rewards()
    assert [f.__name__ for f in rewards.functions()] == ["structure", "accuracy", "format", "tag_count", "penalty"]
    found = call(rewards, [GOOD, "the answer is 3"])
    assert found == [[0.5, 0.5], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 0.0]]
    assert len(made.client.asked) == 2
    first, second = read_rows(made.folder, COMPLETIONS)
    kept = [(row.step, row.structure, row.accuracy, row.teacher) for row in (first, second)]
    assert kept == [(1, 0.5, 1.0, "t1"), (1, 0.5, 0.0, "t1")]
    assert first.total == pytest.approx(0.5 * 0.5 + 0.5 * 1.0 + 0.1 * 1.0)
    assert [step.sub_problem for step in first.steps] == ["q"]
    assert [(v.teacher, v.step, v.part, v.match, v.how) for v in first.verdicts] == [
        ("t1", 1, part, True, "word") for part in ("meta", "sub_problem", "answer")
    ]


def test_an_unscored_completion_has_no_component_at_all(made: Made) -> None:
    found = call(made.rewards(), ["lost \\boxed{2}", GOOD])
    assert found == [[None, 0.5], [None, 1.0], [None, 1.0], [None, 1.0], [None, 0.0]]
    assert next(read_rows(made.folder, COMPLETIONS)).unscored == "gsrm:server_error"


def test_too_many_unscored_stop_the_run_in_one_line_and_the_rows_are_kept(made: Made) -> None:
    with pytest.raises(RunStopped, match=r"step 1: 2 of 3 .* 2 of them with 'gsrm:server_error'.*max_unscored") as stop:
        call(made.rewards(max_unscored=0.5), ["lost 1", "lost 2", GOOD])
    assert stop.value.exit_code == 1 and "\n" not in str(stop.value)
    assert [row.unscored is None for row in read_rows(made.folder, COMPLETIONS)] == [False, False, True]
    call(made.rewards(max_unscored=0.7), ["lost 1", "lost 2", GOOD])


def test_a_guard_logs_subtracts_or_stops_as_it_is_told(made: Made) -> None:
    cheat = GOOD + "\n[Answer 1]: yes"
    seen: dict[str, float] = {}
    assert call(made.rewards(), [cheat, GOOD], log_metric=seen.__setitem__)[4] == [0.0, 0.0]
    assert seen["guard/marker_injection"] == 0.5
    subtracting = made.rewards(marker_injection={"action": "subtract", "amount": 2})
    assert call(subtracting, [cheat, GOOD], 1)[4] == [-2.0, 0.0]
    rows = list(read_rows(made.folder, COMPLETIONS))
    assert [row.guards for row in rows] == [("marker_injection",), ()] * 2
    stopping = made.rewards(marker_injection={"action": "stop", "share": 0.5})
    call(stopping, [GOOD, GOOD, cheat], 2)
    with pytest.raises(RunStopped, match=r"guard marker_injection sees 1 of 2 completions \(first: problem p1\)"):
        call(stopping, [GOOD, cheat], 3)


def test_a_guard_over_a_run_remembers_the_steps_before_it_went_on(made: Made) -> None:
    rewards = made.rewards()
    for step in range(3):
        call(rewards, [GOOD, GOOD], step)
    taken_up = made.rewards(no_variance={"action": "stop", "window": 4})
    with pytest.raises(RunStopped, match="step 4: guard no_variance over the last 4 steps"):
        call(taken_up, [GOOD, GOOD], 3)


def test_plain_trl_gets_other_rewards_only_where_the_structure_has_one(made: Made) -> None:
    def length(completions: list[str], **_: object) -> list[float | None]:
        return [float(len(text)) for text in completions]

    with StructureReward(StructureSettings(), made.teachers) as reward:
        functions = reward.alongside(length)
        found = [f(completions=["lost", GOOD], problem_id=["p1", "p1"], prompts=None) for f in functions]
    assert found == [[None, 0.5], [None, float(len(GOOD))]]
    assert len(made.client.asked) == 2
    assert [getattr(f, "__name__", None) for f in functions] == ["structure", "length"]


async def test_any_event_loop_may_ask(made: Made) -> None:
    with StructureReward(StructureSettings(), made.teachers) as reward:
        found = await reward.score([Completion("p1", "p", "text"), Completion("p9", "p", "text")])
    assert [(one.score, one.unscored) for one in found] == [(0.5, None), (None, "no_teacher")]


@pytest.mark.parametrize(
    ("task", "answer", "expected"),
    [
        (TASK, "\\boxed{2}", (1.0, None)),
        (TASK, "\\boxed{?!}", (0.0, None)),  # not readable, where gold is
        (Task("p", "?", None, "math"), "\\boxed{2}", (None, None)),
        (Task("p", "?", "2", "code"), "\\boxed{2}", (None, None)),
        (Task("p", "?", "a long story", "puzzle"), "\\boxed{a short story}", (None, "accuracy:free text")),
    ],
)
def test_accuracy_is_missing_with_a_reason_only_where_nobody_can_tell(
    made: Made, task: Task, answer: str, expected: object
) -> None:
    (verdict,) = made.verifier.verify_all([job_of(task, answer)])
    assert accuracy_of(verdict) == expected


def test_alpha_is_the_papers_total_and_excludes_the_two_weights() -> None:
    weights = RewardWeights(alpha=0.3, format=0)
    assert total({"structure": 0.5, "accuracy": 1.0, "format": 1.0, "penalty": -0.1}, weights) == pytest.approx(0.75)
    with pytest.raises(ValueError, match="alpha stands for"):
        RewardWeights(alpha=0.3, structure=2)


def test_steps_behind_a_checkpoint_are_forgotten(made: Made) -> None:
    rewards = made.rewards()
    for step in range(3):
        call(rewards, [GOOD], step)
    drop_after(made.folder, 2)
    assert [row.step for row in read_rows(made.folder, COMPLETIONS)] == [1, 2]


def test_a_problem_without_a_teacher_is_named_before_training() -> None:
    teachers = {"p1": [decomposition("t1", "p1", ["mqa"])]}
    other = Task("p2", "?", None, "math")
    with pytest.raises(InputError, match=r"1 of 2 problems have no decomposition.*problem_id p2"):
        with_teachers([TASK, other], teachers, skip_missing=False)
    assert with_teachers([TASK, other], teachers, skip_missing=True) == [TASK]
    with pytest.raises(InputError, match="no problem has"):
        with_teachers([other], teachers, skip_missing=True)
