"""What TRL's own trainer makes of our rewards: an unscored completion moves nobody's advantage, its own included."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import MethodType
from typing import Any

import pytest

from rlkd_data.answers.verify import Verifier
from rlkd_data.schema import Step
from rlkd_data.structure.render import render
from rlkd_train.config import COMPONENTS, GuardsSettings, RewardWeights, StructureSettings
from rlkd_train.config.trl import _CHOICES
from rlkd_train.problems import Task
from rlkd_train.reward import structure as structure_reward
from rlkd_train.reward.components import Scoring
from rlkd_train.reward.for_trl import Rewards
from rlkd_train.reward.scorer import StructureScorer
from rlkd_train.reward.structure import StructureReward
from tests.support.scoring_fakes import FakeClient, WordJudge, decomposition
from tests.support.tiny_model import save_tiny_model

TASK = Task("p1", "What is 1 + 1?", "2", "math")
ROW = {"prompt": [{"role": "user", "content": TASK.problem}], "problem_id": TASK.problem_id}
TEXTS = ["<think>\nadd\n</think>\n\n\\boxed{2}", "it is 3", "so \\boxed{2}"]
LOST = "<think>lost</think>\n\\boxed{2}"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"))


def trainer_of(model: Path, rewards: Rewards, texts: list[str], **more: Any) -> Any:
    """TRL's trainer with our rewards; only what the model would have written is put in its mouth."""
    from datasets import Dataset
    from transformers import AutoTokenizer
    from trl import GRPOConfig, GRPOTrainer

    tokenizer = AutoTokenizer.from_pretrained(model)
    trainer = GRPOTrainer(
        model=str(model),
        reward_funcs=rewards.functions(),
        args=GRPOConfig(
            output_dir=str(model / "unused"),
            per_device_train_batch_size=len(texts),
            num_generations=len(texts),
            max_completion_length=64,
            reward_weights=[RewardWeights().of(name) for name in COMPONENTS],
            use_cpu=True,
            bf16=False,
            report_to="none",
            **more,
        ),
        train_dataset=Dataset.from_list([ROW] * len(texts)),
        processing_class=tokenizer,
    )
    ids = [tokenizer(text)["input_ids"] for text in texts]

    def say(self: Any, *_: Any, **__: Any) -> Any:
        return ids, None

    trainer._generate_single_turn = MethodType(say, trainer)
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    return trainer


def batch_of(trainer: Any, texts: list[str]) -> dict[str, Any]:
    """What the trainer makes of one group of completions."""
    found: dict[str, Any] = trainer._generate_and_score_completions([dict(ROW) for _ in texts])
    return found


def gradient(trainer: Any, batch: dict[str, Any], loss_type: str) -> Any:
    import torch

    trainer.loss_type = loss_type
    trainer.model.zero_grad()
    trainer.compute_loss(trainer.model, batch).backward()
    return torch.cat([one.grad.flatten() for one in trainer.model.parameters() if one.grad is not None])


def rewards_in(folder: Path, verifier: Verifier) -> Rewards:
    structure = StructureReward(StructureSettings(), TEACHERS)
    scoring = Scoring(structure, verifier, [TASK], RewardWeights(), GuardsSettings())
    return Rewards(scoring, folder, GuardsSettings(), max_unscored=1.0)


TEACHERS = {"p1": [decomposition("t1", "p1", ["mqa", "mqa"])]}


SCALED = [
    ("sum_then_normalize", "group"),
    ("sum_then_normalize", "batch"),
    ("sum_then_normalize", "none"),
    ("normalize_then_sum", "group"),
]
LOSSES = _CHOICES["GRPOConfig"]["loss_type"]


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(1) as found:
        yield found


@pytest.mark.parametrize(("aggregation", "scale"), SCALED)
def test_an_unscored_completion_moves_nobody_whatever_the_loss(
    model: Path, verifier: Verifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aggregation: str, scale: str
) -> None:
    """Neither its siblings' advantages, nor, under any loss, the direction in which the weights go."""
    import torch

    client = FakeClient(lambda asked: None if "lost" in asked else render([Step(1, "m", "q", "a")]))

    async def opened(*_: object) -> object:
        return StructureScorer(client, WordJudge(), TEACHERS, max_tokens=64), {}  # type: ignore[arg-type]

    monkeypatch.setattr(structure_reward, "_open", opened)
    mixed = [TEXTS[0], LOST, *TEXTS[1:]]
    how = {"multi_objective_aggregation": aggregation, "scale_rewards": scale}
    alone, with_outage = (
        trainer_of(model, rewards_in(tmp_path / name, verifier), texts, **how)
        for name, texts in (("a", TEXTS), ("b", mixed))
    )
    found, beside = batch_of(alone, TEXTS), batch_of(with_outage, mixed)
    assert len(set(found["advantages"].tolist())) == 3
    assert beside["advantages"][1] == 0.0
    kept = beside["advantages"][[0, 2, 3]]
    assert kept.tolist() == pytest.approx(found["advantages"].tolist(), abs=1e-6)
    for loss in LOSSES:
        one, other = gradient(alone, found, loss), gradient(with_outage, beside, loss)
        assert one.norm() > 1e-4, loss
        assert torch.nn.functional.cosine_similarity(one, other, dim=0) == pytest.approx(1.0, abs=1e-4), loss
        assert 0.5 < other.norm() / one.norm() < 1.01, loss  # it counts as a completion of no consequence, at most
    nobody = [LOST, LOST + "!"]
    lost = trainer_of(model, rewards_in(tmp_path / "c", verifier), nobody, **how)
    batch = batch_of(lost, nobody)
    assert batch["advantages"].tolist() == [0.0, 0.0]
    assert all(gradient(lost, batch, loss).abs().max() == 0.0 for loss in LOSSES)
