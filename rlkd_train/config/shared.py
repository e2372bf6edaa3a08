"""What every training stage has: the model, its adapter, rates and batches."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt

from rlkd_data.config import Settings, later, runtime


class LoraSettings(Settings):
    """A low-rank adapter on every linear layer. `r: 0` trains all weights instead."""

    r: int = Field(16, ge=0, description="rank; 0: no adapter, all weights are trained")
    alpha: PositiveInt = Field(32, description="what the adapter adds counts alpha / r times")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of the adapter's inputs that is left out in training")


class OptimSettings(Settings):
    """What every training run has in common. Batch sizes count sequences."""

    learning_rate: float = Field(2e-4, gt=0, description="highest rate, after the warm-up")
    schedule: Literal["constant", "constant_with_warmup", "linear", "cosine"] = Field(
        "constant_with_warmup", description="course of the rate over the optimiser steps"
    )
    warmup_ratio: float = Field(0.1, ge=0, lt=1, description="share of the optimiser steps in which the rate rises")
    weight_decay: float = Field(0.0, ge=0, description="weight decay of AdamW")
    max_grad_norm: float = Field(1.0, gt=0, description="longer gradients are cut to this length")
    micro_batch: PositiveInt = Field(4, description="sequences in one forward pass")
    accumulate: PositiveInt = Field(4, description="micro-batches in one optimiser step")
    save_steps: PositiveInt = runtime(50, description="optimiser steps between two checkpoints")
    logging_steps: PositiveInt = runtime(1, description="optimiser steps between two lines of the log; GRPO: 1")


class TrainSettings(Settings):
    """What every training stage has."""

    model: str = Field(
        description="local name, folder or Hub id of the model to train", examples=["Qwen/Qwen2.5-1.5B-Instruct"]
    )
    lora: LoraSettings = Field(LoraSettings.usual(), description="the low-rank adapter that is trained")
    optim: OptimSettings = Field(OptimSettings.usual(), description="rates, batches and checkpoints")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of products of matrices; auto: bfloat16 where the device is fast at it"
    )
    seed: int = Field(0, description="seed of the order of the rows, of dropout and of sampling")
    chat_template: str | None = later(
        None,
        description="chat template in place of the model's own: chatml, plain, r1 (DeepSeek-R1's, without the <think> "
        "that it opens), or a file of Jinja; saved with the model",
        examples=["chatml"],
    )
    checkpointing: Literal["auto", "on", "off"] = runtime(
        "auto",
        description="compute activations again in the backward pass, which saves memory and costs a fourth of the "
        "speed; auto: where they would not fit",
    )


class StudentSettings(TrainSettings):
    """What every training stage of a student has."""

    system_prompt: str | None = later(None, description="what the student is told before every problem")
