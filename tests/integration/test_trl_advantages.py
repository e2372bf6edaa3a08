"""What TRL's own trainer makes of our rewards: an unscored completion moves nobody's advantage, its own included."""

from __future__ import annotations

from pathlib import Path
from types import MethodType
from typing import Any

import pytest

from rlkd_data.answers.verify import Verifier
from rlkd_data.schema import Step
from rlkd_data.structure.render import render
from rlkd_train.config import COMPONENTS, GuardsSettings, RewardWeights, StructureSettings
from rlkd_train.problems import Task
from rlkd_train.reward import structure as structure_reward
from rlkd_train.reward.components import Scoring
from rlkd_train.reward.for_trl import Rewards
from rlkd_train.reward.scorer import StructureScorer
from rlkd_train.reward.structure import StructureReward
from tests.support.scoring_fakes import FakeClient, WordJudge, decomposition
from tests.support.tiny_model import save_tiny_model

TASK = Task("p1", "What is 1 + 1?", "2", "math")
TEXTS = ["<think>\nadd\n</think>\n\n\\boxed{2}", "it is 3", "so \\boxed{2}"]
LOST = "<think>lost</think>\n\\boxed{2}"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"))


def advantages(model: Path, rewards: Rewards, texts: list[str], aggregation: str) -> list[float]:
    """The advantages of one group, from the trainer's own `_generate_and_score_completions`; only what the model would
    have written is put in its mouth."""
    from datasets import Dataset
    from transformers import AutoTokenizer
    from trl import GRPOConfig, GRPOTrainer

    tokenizer = AutoTokenizer.from_pretrained(model)
    row = {"prompt": [{"role": "user", "content": TASK.problem}], "problem_id": TASK.problem_id}
    trainer = GRPOTrainer(
        model=str(model),
        reward_funcs=rewards.functions(),
        args=GRPOConfig(
            output_dir=str(model / "unused"),
            per_device_train_batch_size=len(texts),
            num_generations=len(texts),
            max_completion_length=64,
            reward_weights=[RewardWeights().of(name) for name in COMPONENTS],
            multi_objective_aggregation=aggregation,
            use_cpu=True,
            bf16=False,
            report_to="none",
        ),
        train_dataset=Dataset.from_list([row] * len(texts)),
        processing_class=tokenizer,
    )
    ids = [tokenizer(text)["input_ids"] for text in texts]

    def say(self: Any, *_: Any, **__: Any) -> Any:
        return ids, None

    trainer._generate_single_turn = MethodType(say, trainer)
    trainer.model.train()
    made = trainer._generate_and_score_completions([dict(row) for _ in texts])
    found: list[float] = made["advantages"].tolist()
    return found


def rewards_in(folder: Path, verifier: Verifier) -> Rewards:
    structure = StructureReward(StructureSettings(), TEACHERS)
    scoring = Scoring(structure, verifier, [TASK], RewardWeights(), GuardsSettings())
    return Rewards(scoring, folder, GuardsSettings(), max_unscored=1.0)


TEACHERS = {"p1": [decomposition("t1", "p1", ["mqa", "mqa"])]}


@pytest.mark.parametrize("aggregation", ["sum_then_normalize", "normalize_then_sum"])
def test_siblings_of_an_unscored_completion_have_the_advantages_they_would_have_without_it(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aggregation: str
) -> None:
    client = FakeClient(lambda asked: None if "lost" in asked else render([Step(1, "m", "q", "a")]))

    async def opened(*_: object) -> object:
        return StructureScorer(client, WordJudge(), TEACHERS, max_tokens=64), {}  # type: ignore[arg-type]

    monkeypatch.setattr(structure_reward, "_open", opened)
    with Verifier(1) as verifier:
        alone = advantages(model, rewards_in(tmp_path / "a", verifier), TEXTS, aggregation)
        mixed = [TEXTS[0], LOST, *TEXTS[1:]]
        with_outage = advantages(model, rewards_in(tmp_path / "b", verifier), mixed, aggregation)
        all_lost = advantages(model, rewards_in(tmp_path / "c", verifier), [LOST, LOST + "!"], aggregation)
    assert with_outage[1] == 0.0
    assert [with_outage[0], *with_outage[2:]] == pytest.approx(alone, abs=1e-6)
    assert len(set(alone)) == 3
    assert all_lost == [0.0, 0.0]
