"""A training that goes wrong by itself: gradients that are no numbers, memory that is used up."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from rlkd_data.schema import TRACES
from rlkd_train.config import SftSettings
from rlkd_train.run_folder import read_log
from rlkd_train.sft.train import train_sft
from rlkd_train.sound import Diverged, Finite, OutOfRoom, finite, sound
from tests.support.tiny_model import save_tiny_model
from tests.support.train_run import Hashed, go, settings
from tests.support.training_rows import trace, write


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


def test_sft_ends_before_a_gradient_without_numbers_reaches_the_weights(tiny: Path, tmp_path: Path) -> None:
    """It went on to its end, logged finite losses, and saved NaN with exit status 0."""
    write(tmp_path / "traces", TRACES, [trace(f"t{n}", f"{n} it is.", "\\boxed{1}") for n in range(8)])
    chosen = SftSettings.model_validate(
        {
            "model": str(tiny),
            "traces": [tmp_path / "traces"],
            "precision": "float32",
            "lora": {"r": 0},
            "optim": {"micro_batch": 2, "accumulate": 1, "learning_rate": 1e30, "schedule": "constant"},
        }
    )
    with pytest.raises(Diverged, match=r"step 2: the gradient is not finite, and the weights stay those of step 1"):
        train_sft(chosen, tmp_path / "out")
    assert [line["step"] for line in read_log(tmp_path / "out")] == [1]
    assert (tmp_path / "out" / "checkpoints" / "checkpoint-1" / "trainer_state.json").exists()
    assert not (tmp_path / "out" / "model").exists()


def test_grpo_ends_in_one_line_where_nothing_can_be_drawn_any_more(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(Diverged, match=r"step 2: the student's probabilities are no numbers any more"):
        go(settings(tiny, optim={"learning_rate": 1e30}), tmp_path / "out", Hashed())


def test_gradients_are_looked_at_before_each_step() -> None:
    layer = torch.nn.Linear(2, 1)
    layer(torch.ones(1, 2)).sum().backward()
    assert layer.weight.grad is not None
    state = SimpleNamespace(global_step=4)
    Finite().on_pre_optimizer_step(None, state, None, model=layer)
    layer.weight.grad[0, 1] = float("inf")
    with pytest.raises(Diverged, match="step 5"):
        Finite().on_pre_optimizer_step(None, state, None, model=layer)
    assert finite([])


@pytest.mark.parametrize(
    ("problem", "again", "told"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory.\nTried to"),
            False,
            "of cuda:0 is used up: set checkpointing to on",
        ),
        (torch.OutOfMemoryError("x"), True, "used up: take a smaller optim.micro_batch"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), True, "step 8: the memory of"),
    ],
)
def test_memory_that_is_used_up_is_one_line(problem: Exception, again: bool, told: str) -> None:
    args: Any = SimpleNamespace(device="cuda:0", gradient_checkpointing=again, activation_checkpointing=again)
    with (
        pytest.raises(OutOfRoom) as raised,
        sound(SimpleNamespace(args=args, state=SimpleNamespace(global_step=7))),
    ):
        raise problem
    assert told in str(raised.value) and "\n" not in str(raised.value)


def test_what_is_neither_stays_what_it_is() -> None:
    with (
        pytest.raises(RuntimeError, match="size mismatch"),
        sound(SimpleNamespace(state=SimpleNamespace(global_step=0))),
    ):
        raise RuntimeError("size mismatch")
