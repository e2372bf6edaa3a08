"""Who says whether two steps match."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from rlkd_data.config.base import later, runtime
from rlkd_data.config.chat import ChatSettings

PATIENT = 12
"""Tries after the first that a reward waits for a server: together about three minutes, so that a restart passes."""


class JudgeSettings(ChatSettings):
    """Who says whether two steps, or two parts of them, match. `equal` (normalised text, math-verify for answers) is
    always tried first. `same_step` looks at question and answer together, which tells steps best without a chat
    model."""

    kind: Literal["equal", "embedding", "same_step", "llm", "llm-batched"] = Field(
        "same_step", description="who says that two texts match; llm asks once a pair, llm-batched once a completion"
    )
    model: str = Field("minilm", description="a sentence embedder, or backend:model of an llm judge")
    threshold: float = Field(0.7, gt=0, le=1, description="cosine from which two texts match, of an embedder")
    step_threshold: float = Field(
        0.8, gt=0, le=1, description="same_step: cosine of question and answer from which two steps are the same"
    )
    step_agree: float = Field(0.3, gt=0, le=1, description="same_step: the same, where the answers agree")
    yes: float = Field(0.5, gt=0, lt=1, description="probability of yes from which two texts match, of an llm judge")
    errs: float = later(
        0.0, ge=0, lt=1, description="share of verdicts that are turned round on purpose, to see what errors cost"
    )
    reuse: bool = runtime(
        False,
        description="take what is stored of a server of one's own, though its weights may be others by now",
    )
    max_retries: int = runtime(PATIENT, ge=0, description="tries after the first, of a request whose failure may pass")
    breaker: int = runtime(
        0, ge=0, description="requests that fail alike, before any is answered, which end the run; 0: never"
    )

    @model_validator(mode="after")
    def _a_chat_model_is_named(self) -> JudgeSettings:
        if self.kind.startswith("llm") and ":" not in self.model:
            raise ValueError(f"a judge of kind {self.kind} asks a chat model: name it as model: backend:model")
        return self
