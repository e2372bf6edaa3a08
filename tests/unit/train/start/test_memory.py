"""The estimate of a run's memory against what torch really holds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rlkd_train.config import SftSettings
from rlkd_train.memory import FLOAT, Load, Shape, activations, fits, moments, parts, shape_of


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen2 whose matrices outweigh what each layer holds besides."""
    from transformers import Qwen2Config

    folder = tmp_path_factory.mktemp("wide")
    Qwen2Config(
        vocab_size=300,
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
    ).save_pretrained(folder)
    return folder


def made(folder: Path, rank: int) -> tuple[torch.nn.Module, Shape]:
    from transformers import AutoConfig, AutoModelForCausalLM

    from rlkd_train.student import with_adapter

    chosen = SftSettings(model=str(folder), traces=[Path("t")], lora={"r": rank})
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    return (with_adapter(model, chosen) if rank else model), shape_of(chosen, folder)


@pytest.mark.parametrize("rank", [0, 8])
def test_weights_gradients_and_moments_are_those_of_the_model(wide: Path, rank: int) -> None:
    model, shape = made(wide, rank)
    optimiser = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad])
    model(input_ids=torch.tensor([[1, 2, 3]])).logits.sum().backward()
    optimiser.step()
    found = parts(shape, Load(tokens=3, sequences=1), checkpointing=False)
    assert found["weights"] == sum(weight.nbytes for weight in model.parameters())
    assert found["gradients"] == sum(weight.grad.nbytes for weight in model.parameters() if weight.grad is not None)
    moments = sum(state[name].nbytes for state in optimiser.state.values() for name in ("exp_avg", "exp_avg_sq"))
    assert found["optimiser"] == moments


def test_a_quantised_base_holds_its_linear_layers_in_few_bits(wide: Path) -> None:
    model, shape = made(wide, 8)
    layers = [one for one in model.base_model.model.model.layers.modules() if hasattr(one, "base_layer")]  # type: ignore[union-attr]
    assert shape.linear == sum(one.base_layer.weight.numel() for one in layers)
    plain = parts(shape, Load(tokens=3, sequences=1, half=True, adapter=True), checkpointing=False)["weights"]
    for bits, each in ((4, 0.516), (8, 1.0)):
        load = Load(tokens=3, sequences=1, half=True, adapter=True, bits=bits)
        found = parts(shape, load, checkpointing=False)["weights"]
        assert plain - found == pytest.approx(shape.linear * (2 - each), rel=1e-3)


def test_weights_that_are_trained_in_bfloat16_are_held_twice(wide: Path) -> None:
    """Autocast makes a copy for the forward pass, which the backward pass needs."""
    model, shape = made(wide, 0)
    kept: dict[int, int] = {}
    sizes = {tuple(weight.shape) for weight in model.parameters() if weight.dim() == 2}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.dtype == torch.bfloat16 and {tuple(tensor.shape), tuple(tensor.shape[::-1])} & sizes:
            kept[tensor.untyped_storage().data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), torch.autocast("cpu", torch.bfloat16):
        said = model(input_ids=torch.tensor([[1, 2, 3]])).logits
    assert said.requires_grad
    linear = sum(weight.numel() for weight in model.parameters() if weight.dim() == 2)
    assert sum(kept.values()) == linear
    load = Load(tokens=3, sequences=1, half=True)
    assert parts(shape, load, checkpointing=False)["weights in bfloat16"] == pytest.approx(2 * linear, rel=0.01)


@pytest.mark.parametrize(
    ("name", "bytes_"),
    [("adamw_torch_fused", 8), ("adamw_bnb_8bit", 2), ("sgd", 0), ("adafactor", 0), ("lion_8bit", 1), ("ademamix", 12)],
)
def test_optimisers_differ_in_what_they_keep(name: str, bytes_: float) -> None:
    assert moments(name) == bytes_


@pytest.mark.parametrize("checkpointing", [False, True])
def test_activations_are_those_that_the_backward_pass_keeps(wide: Path, checkpointing: bool) -> None:
    model, shape = made(wide, 0)
    if checkpointing:
        model.gradient_checkpointing_enable()  # type: ignore[operator]
    model.train()
    own = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    held: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            held[storage.data_ptr()] = storage.nbytes()
        return tensor

    tokens, sequences = 128, 2
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        inputs = torch.randint(0, 300, (sequences, tokens))
        states = model.base_model(input_ids=inputs, use_cache=False).last_hidden_state  # type: ignore[operator]
    load = Load(tokens=tokens, sequences=sequences)
    assert states.requires_grad
    if checkpointing:  # a layer's other activations are held for a moment in the backward pass alone
        inputs_alone = shape.layers * tokens * sequences * shape.hidden * FLOAT
        assert inputs_alone <= sum(held.values()) < activations(shape, load, checkpointing=True)
    else:
        expected = activations(shape, load, checkpointing=False) - min(512, tokens * sequences) * 300 * FLOAT * 2
        assert 0.75 < sum(held.values()) / expected < 1.25


def test_several_devices_share_what_is_sharded_and_a_device_keeps_a_reserve() -> None:
    shape = Shape(parameters=1000, trained=1000, layers=2, hidden=8, mlp=16, keys=4, vocabulary=10)
    load = Load(tokens=4, sequences=1, drawn=2, reference=True, half=True)
    alone = parts(shape, load, checkpointing=False)
    from dataclasses import replace

    spread = parts(shape, replace(load, shards=4), checkpointing=False)
    for name in ("weights", "gradients", "optimiser", "reference"):
        assert spread[name] * 4 == alone[name]
    assert alone["kv_cache"] == spread["kv_cache"] == 2 * 4 * 2 * 2 * 4 * 2
    assert fits({"a": 90}, 100) and not fits({"a": 91}, 100)
