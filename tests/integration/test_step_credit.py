"""`credit` in TRL's own loss, on a tiny model: to completions it is TRL's, bit for bit; to steps it is the sum that a
calculation by hand gives, in the loss and in its gradient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import MethodType
from typing import Any

import pytest

from rlkd_data.answers.verify import Verifier
from rlkd_data.judges.base import Pair, Verdict
from rlkd_data.schema import Step
from rlkd_data.structure.render import render
from rlkd_train.config import COMPONENTS, GrpoSettings, GuardsSettings, StructureSettings
from rlkd_train.grpo.train import open_trainer
from rlkd_train.problems import Task
from rlkd_train.reward import structure as structure_reward
from rlkd_train.reward.components import Scoring
from rlkd_train.reward.credit import earned, lands, missed
from rlkd_train.reward.for_trl import Rewards
from rlkd_train.reward.scorer import StructureScorer
from rlkd_train.reward.structure import StructureReward
from tests.support.scoring_fakes import FakeClient, decomposition
from tests.support.tiny_model import save_tiny_model

TASK = Task("p1", "How much is it?", "2", "math")
TEACHERS = {"p1": [decomposition("t1", "p1", ["aaa", "bbb", "ccc"])]}
RIGHT = "<think>\na is one, né.\nb is two.\nc is three.\n</think>\n\n\\boxed{2}"
SECOND_WRONG = "<think>\na is one.\nx is quite another thing.\nc is three.\n</think>\n\n\\boxed{3}"
ALL_WRONG = "<think>\nx is here.\ny is there.\n</think>\n\nso \\boxed{2}"
LOST = "<think>\nlost\n</think>\n\n\\boxed{2}"
CUT = "<think>\na is one.\nb is two.\nc is only half sa"
"""Ends in its reasoning, and has no end token."""
TEXTS = [RIGHT, SECOND_WRONG, ALL_WRONG, LOST, CUT]


class FirstLetters:
    """Whole steps are the same where their first letters are."""

    whole = False

    async def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        return [
            Verdict(pair.part != "attempt" and pair.teacher[:1] == pair.student[:1], "letter", free=False)
            for pair in pairs
        ]

    async def close(self) -> None: ...


def gsrm(asked: str) -> str | None:
    """A step for each line of the reasoning."""
    if "lost" in asked:
        return None
    lines = [line for line in asked.splitlines() if " is " in line and "much" not in line]
    return render([Step(n, f"{line[0]} plan", f"{line[0]} question", line) for n, line in enumerate(lines, 1)])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(1) as found:
        yield found


class Made:
    """Trainers over the same completions, the same weights and the same rewards."""

    def __init__(self, model: Path, folder: Path, verifier: Verifier, align: str) -> None:
        self.model, self.folder, self.verifier, self.align, self.count = model, folder, verifier, align, 0

    def rewards(self) -> Rewards:
        self.count += 1
        scoring = Scoring(
            StructureReward(StructureSettings(), TEACHERS),
            self.verifier,
            [TASK],
            self.settings().weights,
            GuardsSettings(),
        )
        return Rewards(scoring, self.folder / str(self.count), GuardsSettings(), max_unscored=1.0)

    def settings(self, credit: str = "completion") -> GrpoSettings:
        return GrpoSettings.model_validate(
            {"model": str(self.model), "traces": ["t"], "decompositions": ["d"], "credit": credit}
        )

    def trainer(self, credit: str | None, texts: Sequence[str], micro: int | None = None, **more: Any) -> Any:
        """TRL's own without `credit`, else that of the settings."""
        from datasets import Dataset
        from transformers import AutoTokenizer
        from trl import GRPOConfig, GRPOTrainer

        tokenizer = AutoTokenizer.from_pretrained(self.model)
        row = {"prompt": [{"role": "user", "content": TASK.problem}], "problem_id": TASK.problem_id}
        settings = self.settings(credit or "completion")
        arguments = {
            "model": str(self.model),
            "args": GRPOConfig(
                output_dir=str(self.folder / "unused"),
                per_device_train_batch_size=micro or len(texts),
                gradient_accumulation_steps=len(texts) // (micro or len(texts)),
                num_generations=len(texts),
                max_completion_length=96,
                reward_weights=[settings.weights.of(name) for name in COMPONENTS],
                use_cpu=True,
                bf16=False,
                report_to="none",
                **more,
            ),
            "train_dataset": Dataset.from_list([row] * len(texts)),
            "processing_class": tokenizer,
        }
        rewards = self.rewards()
        trainer = (
            open_trainer(settings, rewards, **arguments)
            if credit
            else GRPOTrainer(reward_funcs=rewards.functions(), **arguments)
        )
        ends = [[] if text == CUT else [tokenizer.eos_token_id] for text in texts]
        ids = [tokenizer(text)["input_ids"] + end for text, end in zip(texts, ends, strict=True)]

        def say(self: Any, *_: Any, **__: Any) -> Any:
            return ids, None

        trainer._generate_single_turn = MethodType(say, trainer)
        trainer.model.train()
        trainer.current_gradient_accumulation_steps = 1
        return trainer

    def batch(self, trainer: Any, texts: Sequence[str]) -> dict[str, Any]:
        row = {"prompt": [{"role": "user", "content": TASK.problem}], "problem_id": TASK.problem_id}
        found: dict[str, Any] = trainer._generate_and_score_completions([dict(row) for _ in texts])
        return found


@pytest.fixture(params=["positional", "sequence"])
def made(
    model: Path, verifier: Verifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Made:
    client = FakeClient(gsrm)
    gate = "step" if request.param == "positional" else "none"

    async def opened(*_: object) -> object:
        scorer = StructureScorer(
            client,
            FirstLetters(),
            TEACHERS,
            max_tokens=64,
            align=request.param,
            gate=gate,  # type: ignore[arg-type]
        )
        return scorer, {}

    monkeypatch.setattr(structure_reward, "_open", opened)
    return Made(model, tmp_path, verifier, request.param)


def test_credit_to_completions_is_trls_own_bit_for_bit(made: Made) -> None:
    import torch
    from trl import GRPOTrainer

    losses = []
    for credit in (None, "completion"):
        trainer = made.trainer(credit, TEXTS)
        assert isinstance(trainer, GRPOTrainer)
        losses.append(trainer.compute_loss(trainer.model, made.batch(trainer, TEXTS)))
    assert torch.equal(*losses) and losses[0] != 0
    flat = [SECOND_WRONG, SECOND_WRONG]  # where siblings earn alike there is nothing to learn, within them neither
    assert made.batch(made.trainer("step", flat), flat)["advantages"].abs().max() == 0


def by_hand(trainer: Any, batch: dict[str, Any], rewards: Rewards) -> list[list[float]]:
    """The advantage of each token, from the rows' totals and the steps' places alone."""
    rows = rewards._last[1] if rewards._last else []
    totals = [row.total for row in rows if row.total is not None]
    middle = sum(totals) / len(totals)
    spread = (sum((one - middle) ** 2 for one in totals) / (len(totals) - 1)) ** 0.5 + 1e-4
    structures = [row.structure for row in rows if row.structure is not None]
    mean_structure = sum(structures) / len(structures)
    found = []
    for row, (text, structure), ids, mask in zip(
        rows, rewards.structures, batch["completion_ids"], batch["completion_mask"], strict=True
    ):
        kept = ids[mask.bool()].tolist()
        if row.total is None:
            found.append([0.0] * len(kept))
            continue
        # each token of the tiny model is a byte
        bytes_ = [len(text[:n].encode()) for n in range(len(text) + 1)]
        assert structure.alignment is not None
        part = 0.5 * ((row.structure or 0.0) - mean_structure) / spread
        where = lands(structure.steps, text)
        shares = earned(structure.alignment) if part > 0 else missed(structure.alignment)
        inside = {t: n for n, (low, high) in enumerate(where) for t in range(bytes_[low], bytes_[high])}
        weights = [1.0] * len(kept)
        if sum(shares):
            for token, step in inside.items():
                size = bytes_[where[step][1]] - bytes_[where[step][0]]
                weights[token] = shares[step] / sum(shares) * len(inside) / size
        assert sum(weights) == pytest.approx(len(kept))
        found.append([(row.total - middle) / spread + part * (weight - 1) for weight in weights])
    return found


def test_credit_to_steps_is_what_a_calculation_by_hand_gives(made: Made) -> None:
    import torch

    trainer = made.trainer("step", TEXTS)
    batch = made.batch(trainer, TEXTS)
    expected = by_hand(trainer, batch, trainer._scored)
    for row, one in enumerate(expected):
        told = batch["advantages"][row, : len(one)].tolist()
        assert told == pytest.approx(one, abs=1e-5)
    plain = made.trainer("completion", TEXTS)
    whole = made.batch(plain, TEXTS)["advantages"].tolist()
    assert [sum(one) / len(one) for one in expected] == pytest.approx(whole, abs=1e-5)  # the completion's mean stays

    second, lost = expected[1], expected[3]
    rows = trainer._scored._last[1]
    assert rows[3].unscored and set(lost) == {0.0}
    if made.align == "positional":  # worse than its siblings: the wrong step alone is to blame, nothing behind the gate
        wrong, behind = SECOND_WRONG.index("x is"), SECOND_WRONG.index("c is three")
        assert second[wrong] == second[behind - 2] < whole[1] < second[10] == second[behind + 2]
    nothing = expected[2]  # its steps stand for none of the teacher's: all are to blame, in sequence
    assert nothing[ALL_WRONG.index("x is")] < nothing[-1] == pytest.approx(whole[2])

    loss = trainer.compute_loss(trainer.model, batch)
    trainer.model.zero_grad()
    loss.backward()
    gradient = {name: one.grad.clone() for name, one in trainer.model.named_parameters()}
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    attention = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
    prompt = batch["prompt_ids"].size(1)
    logits = trainer.model(input_ids=ids, attention_mask=attention).logits[:, prompt - 1 : -1] / trainer.temperature
    chosen = logits.log_softmax(-1).gather(2, batch["completion_ids"].unsqueeze(2)).squeeze(2)
    tokens = sum(map(len, expected))
    terms = [
        -(one * value) / tokens
        for row, line in enumerate(expected)
        for one, value in zip(line, chosen[row], strict=False)
    ]
    assert loss.item() == pytest.approx(-sum(map(sum, expected)) / tokens, abs=1e-6)  # the ratio of probabilities is 1
    trainer.model.zero_grad()
    torch.stack(terms).sum().backward()
    for name, one in trainer.model.named_parameters():
        assert torch.allclose(one.grad, gradient[name], atol=1e-6), name


def test_a_batch_in_parts_is_the_batch(made: Made) -> None:
    import torch

    texts = [RIGHT, SECOND_WRONG, CUT, LOST]
    found = []
    for micro in (4, 2):
        trainer = made.trainer("step", texts, micro, max_steps=1, optim="sgd", learning_rate=1.0, max_grad_norm=0.0)
        trainer.train()
        found.append({name: one.detach().clone() for name, one in trainer.model.named_parameters()})
        assert trainer.state.log_history[0]["credit/steepest"] > 1
    for name, one in found[0].items():
        assert torch.allclose(one, found[1][name], atol=1e-5), name
