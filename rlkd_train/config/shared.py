"""What every training stage has: the model, its adapter, rates and batches."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, PositiveInt, field_validator, model_validator

from rlkd_data.config import Settings, later, runtime
from rlkd_train.config.trl import Config, check


def _some_steps(value: int) -> int:
    if value < 1 and value != -1:
        raise ValueError("give at least 1 step, or -1 for as many as the epochs have")
    return value


MaxSteps = Annotated[int, AfterValidator(_some_steps)]


class LoraSettings(Settings):
    """A low-rank adapter on every linear layer. `r: 0` trains all weights instead, as the reference implementation
    does."""

    r: int = Field(16, ge=0, description="rank; 0: no adapter, all weights are trained")
    alpha: PositiveInt = Field(32, description="what the adapter adds counts alpha / r times")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of the adapter's inputs that is left out in training")
    target_modules: tuple[str, ...] | None = later(
        None, description="layers that get an adapter, by the ends of their names; default: every linear one"
    )
    modules_to_save: tuple[str, ...] | None = later(
        None, description="modules that are trained and kept as a whole beside the adapter, as embed_tokens"
    )
    quantise: Literal["4bit", "8bit"] | None = later(
        None, description="bits in which the frozen base is held (QLoRA); needs CUDA and bitsandbytes"
    )

    @model_validator(mode="after")
    def _need_an_adapter(self) -> Self:
        for name in ("target_modules", "modules_to_save", "quantise"):
            if self.r == 0 and getattr(self, name) is not None:
                raise ValueError(f"{name} goes with an adapter, but r: 0 trains all weights")
        if self.target_modules == ():
            raise ValueError("target_modules names no layer: leave it out for every linear one")
        return self


class OptimSettings(Settings):
    """What every training run has in common. Batch sizes count sequences."""

    learning_rate: float = Field(2e-4, gt=0, description="highest rate, after the warm-up")
    schedule: Literal[
        "constant",
        "constant_with_warmup",
        "linear",
        "cosine",
        "cosine_with_restarts",
        "cosine_with_min_lr",
        "cosine_warmup_with_min_lr",
        "polynomial",
        "inverse_sqrt",
        "warmup_stable_decay",
    ] = Field(
        "constant_with_warmup",
        description="course of the rate over the optimiser steps; what it needs besides stands in "
        "trl.lr_scheduler_kwargs",
    )
    warmup_ratio: float = Field(0.1, ge=0, lt=1, description="share of the optimiser steps in which the rate rises")
    weight_decay: float = Field(0.0, ge=0, description="weight decay of AdamW")
    max_grad_norm: float = Field(1.0, gt=0, description="longer gradients are cut to this length")
    micro_batch: PositiveInt = Field(4, description="sequences in one forward pass")
    accumulate: PositiveInt = Field(
        4, description="micro-batches in one optimiser step; sft and gsrm alone, others say prompts_per_step"
    )
    save_steps: PositiveInt = runtime(50, description="optimiser steps between two checkpoints")
    logging_steps: PositiveInt = runtime(
        1, description="optimiser steps between two lines of the log; grpo and distill log each one"
    )

    def check_of_prompts(self, told: str) -> None:
        """Raises ValueError for what a stage does not hear whose steps are of prompts: `told` are the settings that say
        how many micro-batches a step has."""
        for name, follows in (("accumulate", told), ("logging_steps", "nothing: each step is logged")):
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"optim.{name} is not heard here, it follows from {follows}: take it out")


class HubSettings(Settings):
    """What of a run is pushed to the Hub as it comes; the token is read from HF_TOKEN."""

    repo_id: str = Field(description="the model, and the data set of completions, as ORG/NAME", examples=["org/my-run"])
    private: bool = Field(True, description="make them private where they are new")
    checkpoints: bool = Field(True, description="the newest checkpoint, to the model's last-checkpoint/")
    completions: bool = Field(True, description="GRPO's completions with their rewards, to the data set")
    every: float = Field(120.0, ge=0, description="seconds between two pushes of completions, at least")


class TrainSettings(Settings):
    """What every training stage has."""

    trl_config: ClassVar[Config] = "SFTConfig"
    """The settings class of TRL's trainer, whose fields `trl` may hold."""

    model: str = Field(
        description="local name, folder or Hub id of the model to train", examples=["Qwen/Qwen2.5-1.5B-Instruct"]
    )
    lora: LoraSettings = Field(LoraSettings.usual(), description="the low-rank adapter that is trained")
    optim: OptimSettings = Field(OptimSettings.usual(), description="rates, batches and checkpoints")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of products of matrices; auto: bfloat16 where the device is fast at it"
    )
    attn_implementation: str | None = later(
        None, description="how attention is computed, as sdpa, eager or flash_attention_2; default: the model's own"
    )
    seed: int = Field(0, ge=0, lt=2**32, description="seed of the order of the rows, of dropout and of sampling")
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
    trl: dict[str, Any] = later(
        {},
        description="further fields of TRL's settings (GRPOConfig, SFTConfig, DistillationConfig) by their own names; "
        "docs/training.md tells which matter",
    )

    report_to: tuple[Literal["trackio", "wandb", "tensorboard", "mlflow"], ...] = runtime(
        (), description="trackers that get what log.jsonl gets"
    )
    hub: HubSettings | None = runtime(None, description="push checkpoints and completions to the Hub as they come")

    @field_validator("report_to", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("trl")
    @classmethod
    def _fields_of_trl(cls, value: dict[str, Any]) -> dict[str, Any]:
        check(cls.trl_config, value)
        return value


class StudentSettings(TrainSettings):
    """What every training stage of a student has."""

    system_prompt: str | None = later(None, description="what the student is told before every problem")
