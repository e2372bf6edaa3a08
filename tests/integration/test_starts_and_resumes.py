"""A training that is stopped, taken up, extended, or started from another: in this process, on a model of noise."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from rlkd_data.errors import InputError
from rlkd_train.grpo.arguments import arguments
from rlkd_train.reward.for_trl import RunStopped
from rlkd_train.run_folder import read_log
from tests.support.tiny_model import save_tiny_model
from tests.support.train_run import Hashed, go, settings, weights


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="module")
def whole(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, list[str]]]:
    """Six steps without a break: three epochs of two steps each, which leave out one of the five problems."""
    rewards, out = Hashed(), tmp_path_factory.mktemp("whole") / "run"
    go(settings(tiny, steps=6), out, rewards)
    return out, rewards.seen


@pytest.fixture(scope="module")
def student(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What SFT with LoRA leaves: an adapter on the model, which changes what it says."""
    from rlkd_train.student import load_student

    out = tmp_path_factory.mktemp("sft") / "model"
    model, tokenizer = load_student(settings(tiny, lora={"r": 4}))
    torch.manual_seed(1)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(std=0.5)
    model.peft_config["default"].base_model_name_or_path = str(tiny)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return out


def stop_at(step: int, how: Any) -> Hashed:
    def stop(now: int) -> None:
        if now == step:
            how()

    return Hashed(stop)


def outage() -> None:
    raise RunStopped("nobody answers")


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(("how", "error"), [(outage, RunStopped), (interrupt, KeyboardInterrupt)])
def test_a_run_stopped_within_a_later_epoch_ends_as_if_it_had_not_been(
    tiny: Path, whole: tuple[Path, dict[int, list[str]]], tmp_path: Path, how: Any, error: type[BaseException]
) -> None:
    chosen = settings(tiny, steps=6)
    with pytest.raises(error):
        go(chosen, tmp_path / "run", stop_at(4, how))
    (kept,) = (tmp_path / "run/checkpoints").glob("checkpoint-*")
    assert kept.name == "checkpoint-3"
    rewards = Hashed()
    go(chosen, tmp_path / "run", rewards)
    out, seen = whole
    assert rewards.seen == {step: seen[step] for step in (4, 5, 6)}
    assert [line["step"] for line in read_log(tmp_path / "run")] == [1, 2, 3, 4, 5, 6]
    expected = weights(out / "model")
    assert all(torch.equal(found, expected[name]) for name, found in weights(tmp_path / "run/model").items())


def test_an_interrupt_within_the_optimisers_step_waits_for_its_end(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, taken = torch.optim.AdamW.step, []

    def step(self: Any, *arguments: Any, **more: Any) -> Any:
        taken.append(1)
        if len(taken) == 2:
            interrupt()
        return before(self, *arguments, **more)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    with pytest.raises(KeyboardInterrupt):
        go(settings(tiny), tmp_path / "run", Hashed())
    (kept,) = (tmp_path / "run/checkpoints").glob("checkpoint-*")
    assert json.loads((kept / "trainer_state.json").read_text())["global_step"] == 2
    assert [line["step"] for line in read_log(tmp_path / "run")] == [1, 2]


def test_more_steps_extend_a_finished_run_and_fewer_are_refused(
    tiny: Path, whole: tuple[Path, dict[int, list[str]]], tmp_path: Path
) -> None:
    from rlkd_train.run_folder import check_not_beyond, last_checkpoint

    go(settings(tiny, steps=4), tmp_path / "run", Hashed())
    go(settings(tiny, steps=6), tmp_path / "run", Hashed())
    assert [line["step"] for line in read_log(tmp_path / "run")] == [1, 2, 3, 4, 5, 6]
    expected = weights(whole[0] / "model")
    assert all(torch.equal(found, expected[name]) for name, found in weights(tmp_path / "run/model").items())
    with pytest.raises(InputError, match="trained for 6 steps already, and steps is 5"):
        check_not_beyond(last_checkpoint(tmp_path / "run/checkpoints"), 5, "steps")


def test_full_weights_after_an_adapter_learn_and_are_held_to_the_adapted_student(student: Path, tmp_path: Path) -> None:
    go(settings(student, steps=2, beta=0.1), tmp_path / "run", Hashed())
    first, second = read_log(tmp_path / "run")
    assert first["grad_norm"] > 0
    assert first["kl"] == pytest.approx(0.0, abs=1e-6) and second["kl"] > 1e-6  # held to the base it would begin above
    start, end = weights(tmp_path / "run/start"), weights(tmp_path / "run/model")
    assert any(not torch.equal(start[name], end[name]) for name in start)


def test_an_adapter_that_is_held_to_its_start_leaves_no_reference_and_goes_on(student: Path, tmp_path: Path) -> None:
    chosen = settings(student, steps=3, beta=0.1, lora={"r": 4})
    with pytest.raises(RunStopped):
        go(chosen, tmp_path / "run", stop_at(3, outage))
    go(chosen, tmp_path / "run", Hashed())
    model = tmp_path / "run/model"
    assert not [path for path in model.iterdir() if path.is_dir()]
    assert (model / "adapter_model.safetensors").exists()
    assert json.loads((model / "adapter_config.json").read_text())["base_model_name_or_path"] == str(student)
    assert len(read_log(tmp_path / "run")) == 3


@pytest.mark.parametrize(("precision", "half"), [("bfloat16", True), ("float32", False)])
def test_precision_is_heard_on_a_cpu_too(tiny: Path, tmp_path: Path, precision: str, half: bool) -> None:
    assert arguments(settings(tiny, precision=precision), tmp_path).bf16 is half
